"""Forms become pull requests, over a real registry and a forge in memory."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from click.testing import CliRunner
from desk import DATASET, unquoted
from memory_forge import BOT, REPOSITORY, DiedError

from neurocaas_ci.cli.commands import cli
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.actor import Actor
from neurocaas_ci.onboard.acting import acting_for
from neurocaas_ci.onboard.draft import FORMS, draft, forms_of
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree


def test_a_sign_up_becomes_a_user_file(desk):
    issue = desk.signup(group="example-lab", purpose="Mice. @grace closes #1\n\n```\n<b>\n```")
    assert desk.handle(issue) == "pull request 100"
    pull = desk.forge.pulls[100]
    assert pull.branch == "signup/1"
    assert pull.title == "Sign up lin"
    assert pull.files == {
        "registry/users/lin.yaml": b"schema: neurocaas/user/v1\nlogin: lin\nforge_id: 3003\n"
        b"name: Lin Example\n"
    }
    assert pull.body.startswith("Closes #1\n")
    assert "example-lab" in pull.body
    assert "@grace" in pull.body
    for word in ("@grace", "closes", "<b>", "example-lab"):
        assert word not in unquoted(pull.body)
    assert "#100" in desk.only_comment()


def test_a_job_becomes_a_manifest(desk):
    assert desk.handle(desk.job()) == "pull request 100"
    pull = desk.forge.pulls[100]
    assert (pull.branch, pull.title) == ("job/1", "Submit job ada/2026-11/tracking-01")
    (path, content), *rest = pull.files.items()
    assert not rest
    assert path == "registry/jobs/ada/2026-11/tracking-01.yaml"
    assert yaml.safe_load(content) == {
        "schema": "neurocaas/job/v1",
        "name": "tracking-01",
        "user": "ada",
        "group": "example-lab",
        "blueprint": "kalman-smoother@1.0.2",
        "datasets": [{"uri": "store:mouse-01.npz", "sha256": "ab" * 32, "size": 1048576}],
        "parameters": {"em_iterations": 20, "seed": 7},
        "pricing": "standard",
        "max_runtime": "10m",
    }


def test_a_job_needs_little(desk):
    issue = desk.job(parameters="", group="", max_runtime="", datasets=f"\n{DATASET}\n\n")
    assert desk.handle(issue) == "pull request 100"
    (content,) = desk.forge.pulls[100].files.values()
    assert set(yaml.safe_load(content)) == {
        "schema", "name", "user", "blueprint", "datasets", "pricing",
    }  # fmt: skip


def test_the_login_of_the_registry_counts_not_that_of_today(desk):
    """Ada has renamed her account; her number is the same."""
    assert desk.handle(desk.job(author="ada-l", author_id=1001)) == "pull request 100"
    assert list(desk.forge.pulls[100].files) == ["registry/jobs/ada/2026-11/tracking-01.yaml"]
    assert "user already" in desk.handle(desk.signup(author="ada-l", author_id=1001))


def test_someone_with_a_freed_login_is_not_its_former_owner(desk):
    assert desk.handle(desk.job(author="ada", author_id=6666)).startswith("refused")
    assert "no user file" in desk.only_comment()
    desk.forge.comments.clear()
    assert desk.handle(desk.signup(author="ada", author_id=6666)).startswith("refused")
    assert "belongs to somebody else" in desk.only_comment()
    assert not desk.forge.pulls


def test_twice_is_once(desk):
    issue = desk.job()
    assert desk.handle(issue) == desk.handle(issue) == "pull request 100"
    assert len(desk.forge.pulls) == len(desk.forge.branches) == len(desk.forge.comments) == 1
    assert desk.forge.steps == 3


@pytest.mark.parametrize("step", [0, 1, 2])
def test_what_was_half_done_is_finished(desk, step):
    issue = desk.signup()
    desk.forge.dies = step
    with pytest.raises(DiedError):
        desk.handle(issue)
    desk.forge.dies = None
    assert desk.handle(issue) == "pull request 100"
    assert len(desk.forge.pulls) == len(desk.forge.branches) == 1
    assert "#100" in desk.only_comment()


def test_errors_are_corrected_by_an_edit(desk):
    issue = desk.job(blueprint="kalman-smother@1.0.2", datasets="store:x", parameters="seed: [")
    assert desk.handle(issue) == "refused: 2 problems, named below issue 1"
    assert not desk.forge.branches
    assert "Datasets: line 1 is no address" in desk.only_comment()
    issue = desk.job(blueprint="kalman-smother@1.0.2", parameters="sed: 7")
    desk.forge.issues = {1: replace(issue, number=1)}
    assert desk.handle(desk.forge.issue(1)).startswith("refused")
    comment = desk.only_comment()
    assert "Blueprint and version: " in comment
    assert "fix" not in unquoted(comment)
    issue = desk.job()
    desk.forge.issues = {1: replace(issue, number=1)}
    assert desk.handle(desk.forge.issue(1)) == "pull request 100"
    assert "#100" in desk.only_comment()


def test_findings_are_told_in_the_words_of_the_form(desk):
    desk.handle(
        desk.job(
            datasets=f"{DATASET}\nstore:two.npz {'AB' * 32} 7",
            parameters="seed: x",
            group="other-lab",
            max_runtime="forever",
        )
    )
    comment = desk.only_comment()
    assert "Datasets, no. 2: " in comment
    assert "Longest time of each run: " in comment
    desk.forge.comments.clear()
    desk.handle(desk.job(parameters="em_iterations: 1000", group="other-lab"))
    comment = desk.only_comment()
    assert "Parameters: " in comment
    assert "Group that pays: " in comment


def test_a_name_is_taken_once(desk):
    desk.handle(desk.job())
    desk.merge(desk.forge.pulls[100].files)
    assert desk.handle(desk.job(parameters="seed: 8")).startswith("refused")
    assert "a job of this name already" in desk.forge.comments[2, "<!-- neurocaas:onboard -->"]


def test_other_issues_are_left_alone(desk):
    closed = replace(desk.job(), state="closed")
    desk.forge.issues[closed.number] = closed
    plain = desk.forge.open("It does not work.\n\n### Name of the job\n\nx")
    empty = desk.forge.open("")
    for issue in (closed, plain, empty):
        assert desk.handle(issue).startswith("nothing to do")
    assert desk.forge.steps == 0


def _event(issue, /, **changes):
    return {
        "action": "opened",
        "issue": {"number": issue.number, "body": issue.body},
        "sender": {"id": issue.author_id},
        **changes,
    }


def test_an_event_of_the_author_counts(desk):
    issue = desk.job()
    crlf = {"number": 1, "body": issue.body.replace("\n", "\r\n")}
    edited = {"action": "edited", "changes": {"body": {"from": "x"}}}
    assert desk.handle(issue, _event(issue, issue=crlf, **edited)) == "pull request 100"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sender": {"id": 1002}}, "not of the issue's author"),
        ({"sender": None}, "not of the issue's author"),
        ({"action": "labeled"}, "changes no words"),
        ({"action": "edited", "changes": {"title": {"from": "x"}}}, "changes no words"),
        ({"issue": {"number": 1, "body": "before"}}, "reads otherwise by now"),
        ({"issue": {"number": 2}}, "not about this issue"),
        ({"issue": None}, "not about this issue"),
    ],
)
def test_words_of_others_do_not_count(desk, changes, words):
    issue = desk.job()
    assert words in desk.handle(issue, _event(issue, **changes))
    assert desk.forge.steps == 0


def _acting(desk, number=100, **changes):
    with GitTree(desk.repo, "main") as head:
        registry = Registry(head)
        forms = forms_of(registry)
        pull = desk.forge.pulls[number]
        given = {
            "branch": pull.branch, "contents": pull.files, "bot_id": BOT, "repository": REPOSITORY,
            "issue_of": desk.forge.issue, "draft_of": lambda i: draft(i, forms, registry),
        }  # fmt: skip
        return acting_for(desk.forge.facts(number), **{**given, **changes})


def test_the_report_knows_for_whom_the_bot_acts(desk):
    desk.handle(desk.job())
    desk.handle(desk.signup())
    assert _acting(desk).actor == Actor(1001)
    assert _acting(desk, 101).actor == Actor(3003)


def test_a_commit_of_another_on_the_branch_acts_for_nobody(desk):
    desk.handle(desk.job())
    pull = desk.forge.pulls[100]
    (path,) = pull.files
    pull.files[path] += b"# mine\n"
    assert _acting(desk).actor == Actor(BOT)
    assert "not the one" in _acting(desk).reason


def test_a_form_edited_afterwards_acts_for_nobody(desk):
    issue = desk.job()
    desk.handle(issue)
    desk.forge.issues[1] = replace(issue, body=issue.body.replace("seed: 7", "seed: 8"))
    assert _acting(desk).actor == Actor(BOT)
    desk.forge.issues[1] = replace(issue, body="gone")
    assert _acting(desk).actor == Actor(BOT)
    assert "no longer" in _acting(desk).reason


def test_the_command(desk, monkeypatch, tmp_path):
    monkeypatch.setattr("neurocaas_ci.cli.onboard.forge", lambda _: (desk.forge, desk.forge))
    issue = desk.job()
    event = tmp_path / "event.json"
    event.write_text(json.dumps(_event(issue)))
    given = [
        "onboard",
        "--issue",
        "1",
        "--event",
        str(event),
        "--repo",
        str(desk.repo),
        "--no-fetch",
    ]
    done = CliRunner().invoke(cli, given, standalone_mode=False)
    assert done.exception is None
    assert done.stdout == "pull request 100\n"
    for text in ("[", "[]", "\xff", ""):
        event.write_text(text, encoding="latin-1")
        assert isinstance(
            CliRunner().invoke(cli, given, standalone_mode=False).exception, UsageError
        )


@pytest.mark.parametrize("path", FORMS.values())
def test_a_platform_without_forms_says_so(desk, path):
    issue = desk.job()
    (desk.repo / path).write_text("body: [{type: input, id: x, attributes: {label: X}}]")
    desk.merge({})
    with pytest.raises(UsageError, match="no field with the id"):
        desk.handle(issue)
    (desk.repo / path).unlink()
    desk.merge({})
    with pytest.raises(UsageError, match="there is no form"):
        desk.handle(issue)
