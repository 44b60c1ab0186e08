"""Hostile forms: each is refused or harmless, and what is echoed of it stays in code."""

from __future__ import annotations

import pytest
import yaml
from desk import unquoted

from neurocaas_ci.forges.forms import MAX_CHARACTERS

_BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 10)}]" for i in range(8)
)
_LONG = "a: &a " + "x" * 30_000 + "\nb: [" + "*a, " * 5_000 + "]"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"parameters": _BOMB}, "more than 100000 values"),
        ({"parameters": _LONG}, "too long once aliases are written out"),
        ({"parameters": "[" * 20_000}, "nested more than 50 deep"),
        ({"parameters": "a: !!python/object/apply:os.system [id]"}, "not allowed"),
        ({"parameters": "seed: 1\nseed: 2"}, "stands here twice"),
        ({"parameters": "- 1"}, "no list of"),
        ({"parameters": "seed: no"}, "means different things"),
        ({"parameters": "user: grace"}, "`user`"),
        ({"parameters": "x: 1\n```\n### Name of the job\n\nx"}, "same as the heading"),
        ({"name": "../../../.github/workflows/x"}, "cannot name a job"),
        ({"name": "../grace/2026-11/x"}, "cannot name a job"),
        ({"name": "..%2f"}, "cannot name a job"),
        ({"name": "x.yaml"}, "cannot name a job"),
        ({"name": "con"}, "device"),
        ({"name": "tracking\u200b"}, "U+200B"),
        ({"name": "tr\u0430cking"}, "mixes the alphabets"),
        ({"name": "x" * 64}, "cannot name a job"),
        ({"name": "x\n\n### Group that pays\n\nexample-lab"}, "same as the heading"),
        ({"datasets": "x" * 60_000}, "no address"),
        ({"datasets": f"store:../../x {'ab' * 32} 1\n" * 700}, "..."),
        ({"parameters": "x" * (MAX_CHARACTERS + 1)}, "more than 65,536 characters"),
        ({"blueprint": "kalman-smoother"}, "Blueprint and version"),
        ({"blueprint": "kalman-smoother@9.9.9"}, "Blueprint and version"),
        ({"pricing": "free"}, "none of the choices"),
        ({"max_runtime": "10m\ncancelled: {reason: x}"}, "more than one line"),
    ],
)
def test_hostile_jobs_are_refused(desk, typed, words):
    assert desk.handle(desk.job(**typed)).startswith("refused")
    comment = desk.only_comment()
    assert words.replace("`", "'") in comment.replace("`", "'")
    assert not desk.forge.branches
    assert len(comment) < 60_000


_SCRIPT = (
    "</code>```\n````\n<script>alert(1)</script> @grace closes #1 ![x](http://x.example/) $(id)"
)


@pytest.mark.parametrize("field", ["name", "blueprint", "datasets", "parameters", "group"])
@pytest.mark.parametrize("text", _SCRIPT.split("\n"))
def test_what_is_echoed_stays_in_code(desk, field, text):
    assert desk.handle(desk.job(**{field: text})).startswith("refused")
    outside = unquoted(desk.only_comment())
    for word in ("<script", "@grace", "closes #1", "![x]", "$(id)", "</code>"):
        assert word not in outside
    assert "`" not in outside


@pytest.mark.parametrize(
    "name", ["Lin\n\n### What you agree to\n\n- [X] all", "Lin <!--", "@grace`", "L\u0456n", "x" * 301]
)  # fmt: skip
def test_hostile_names(desk, name):
    done = desk.handle(desk.signup(name=name))
    if "@" in name:
        # Odd, and harmless: a maintainer sees it.
        assert done == "pull request 100"
        assert "@grace" not in unquoted(desk.forge.pulls[100].body)
    else:
        assert done.startswith("refused")


def test_another_login_that_is_typed_means_nothing(desk):
    typed = "login: grace\nforge_id: 1002\nbudget_usd: 10000000"
    assert (
        desk.handle(desk.signup(name="grace", group="grace", purpose=typed)) == "pull request 100"
    )
    (path, content), *_ = desk.forge.pulls[100].files.items()
    assert path == "registry/users/lin.yaml"
    assert yaml.safe_load(content)["login"] == "lin"
    assert yaml.safe_load(content)["forge_id"] == 3003
    assert "budget_usd" not in yaml.safe_load(content)


def test_names_that_differ_in_case_are_refused(desk):
    assert desk.handle(desk.signup(author="Ada", author_id=9)).startswith("refused")
    assert "upper and lower case" in desk.only_comment()


def test_bots_and_odd_accounts_are_refused(desk):
    for author in ("renovate[bot]", "lin_company", "../x"):
        desk.forge.comments.clear()
        assert desk.handle(desk.signup(author=author)).startswith("refused")
        assert "cannot be one of the platform" in desk.only_comment()
