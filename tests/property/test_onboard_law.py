"""Whatever is typed into a form, the file is the author's, and what is echoed stays in code."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from form_body import body
from hypothesis import example, given, settings
from hypothesis import strategies as st

from neurocaas_ci.forges.form_text import plain_lines
from neurocaas_ci.forges.forms import Problem, fields_of
from neurocaas_ci.forges.hosted import Issue
from neurocaas_ci.onboard import words
from neurocaas_ci.onboard.draft import FORMS, Draft, draft
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.parse import parse
from neurocaas_ci.registry.single import OneFile

_ROOT = Path(__file__).parents[2]
_FORMS = {kind: fields_of(path, (_ROOT / path).read_bytes()) for kind, path in FORMS.items()}
_ADA = b"schema: neurocaas/user/v1\nlogin: ada\nforge_id: 1001\nname: Ada\n"
_REGISTRY = Registry(OneFile("registry/users/ada.yaml", _ADA))
_DATASET = f"store:a.npz {'ab' * 32} 1"
_TERMS = _FORMS["signup"][-1].options

_PIECES = st.sampled_from(
    ["x", "grace", "user: grace", "forge_id: 1", "..", "/", "../", "\n", ": ", "- ", "{", "}", "[", "]",
     "&a ", "*a", "!!str ", "'", '"', "#", "@", "`", "```", "yes", "1e3", "null", "|", ">", "~", "\\", "%2e"]
)  # fmt: skip
_TEXT = st.one_of(st.lists(_PIECES, max_size=8).map("".join), st.text(max_size=30))
_LINE = _TEXT.map(lambda text: text.replace("\n", " "))
_JOBS = st.fixed_dictionaries(
    {
        "name": st.one_of(st.from_regex(r"[a-z0-9][a-z0-9-]{0,9}", fullmatch=True), _LINE),
        "blueprint": st.one_of(st.just("a@1.0.0"), _LINE.filter(str.strip)),
        "datasets": st.one_of(st.just(_DATASET), _LINE.map(lambda t: f"{t} {_DATASET}")),
        "parameters": st.one_of(
            st.just("a: 1"),
            _TEXT.map(lambda t: f"a: {t}"),
            _TEXT.map(lambda t: f"a: {json.dumps(t)}"),
        ),
        "group": st.one_of(st.just(""), _LINE),
        "pricing": st.sampled_from(["standard", "save"]),
        "max_runtime": st.one_of(st.just(""), _LINE),
    }
)
_FENCES = st.sampled_from(["```", "`````", "   ```", "``` ", "~~~", "<!--", "@grace"])


def _draft(kind, typed, author="ada", author_id=1001):
    created = datetime(2026, 11, 25, tzinfo=UTC)
    text = body(_FORMS[kind], typed)
    issue = Issue(5, "x", text, author, author_id, (), "open", created)
    return draft(issue, _FORMS, _REGISTRY), issue


@settings(max_examples=400)
@given(_JOBS)
@example(
    {
        "name": "c", "blueprint": "a@1.0.0", "datasets": _DATASET, "parameters": "a: \xa0", "group": "",
        "pricing": "standard", "max_runtime": "",
    }
)  # fmt: skip
def test_a_job_is_the_authors_and_says_what_was_typed(typed):
    made, _ = _draft("job", typed)
    if not isinstance(made, Draft):
        return
    folder, name = made.path.rsplit("/", 1)
    assert folder == "registry/jobs/ada/2026-11"
    assert name == f"{typed['name'].strip()}.yaml"
    assert made.branch == "job/5"
    document, findings = parse(made.path, made.content)
    assert not findings
    assert (document.data["user"], document.data["schema"]) == ("ada", "neurocaas/job/v1")
    # Nothing that was typed into one place has become another one.
    assert set(document.data) <= {
        "schema", "name", "user", "group", "blueprint", "datasets", "parameters", "pricing", "max_runtime",
    }  # fmt: skip
    assert document.data["blueprint"] == typed["blueprint"].strip()
    assert document.data.get("group", "") == typed["group"].strip()
    # Other white space than YAML's own is a text like any other, at the end of one as well.
    written = typed["parameters"].strip(" \t\r\n")
    assert document.data["parameters"] == parse("p", written.encode())[0].data


@settings(max_examples=200)
@given(_LINE, _TEXT, _LINE)
def test_a_sign_up_is_the_authors(name, purpose, group):
    typed = {"name": name, "purpose": purpose, "group": group, "terms": _TERMS}
    made, issue = _draft("signup", typed, "lin", 3003)
    if not isinstance(made, Draft):
        return
    assert made.path == "registry/users/lin.yaml"
    assert parse(made.path, made.content)[0].data == {
        "schema": "neurocaas/user/v1", "login": "lin", "forge_id": 3003, "name": name.strip(),
    }  # fmt: skip
    shown = words.request_body(made, issue, _FORMS["signup"])
    own, _ = _draft(
        "signup", {"name": "x", "purpose": "x", "group": "x", "terms": _TERMS}, "lin", 3003
    )
    assert isinstance(own, Draft)
    usual = plain_lines(words.request_body(own, issue, _FORMS["signup"]).split("\n"))
    assert set(plain_lines(shown.split("\n")) or [""]) <= set(usual or [])


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.one_of(st.just(""), _TEXT), st.one_of(_FENCES, _TEXT), _TEXT),
        min_size=1,
        max_size=50,
    )
)
def test_what_is_echoed_stays_in_its_fence(problems):
    usual = plain_lines(words.refused([Problem("", "x", "x")]).split("\n"))
    shown = words.refused([Problem(*problem) for problem in problems])
    assert plain_lines(shown.split("\n")) == usual
    assert len(shown) < 60_000
