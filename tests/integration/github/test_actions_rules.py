"""Which workflows an event starts, which runs are cancelled, and what a run may do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "github"))
from actions.errors import HarnessError
from actions.expressions import evaluate
from actions.globs import all_ignored, any_meant, matches
from actions.grants import grant
from actions.output import read_output
from actions.queue import Waiting, cancelled
from actions.triggers import held_back, starts
from actions.workflow import read_workflow, remote_action


def workflow(on: str, rest: str = "") -> object:
    jobs = "jobs: {one: {runs-on: ubuntu-24.04, steps: [{run: 'true'}]}}"
    return read_workflow(".github/workflows/a.yml", f"name: a\non: {on}\n{rest}\n{jobs}\n")


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        ("feature/*", "feature/a", "feature/a/b"),
        ("feature/**", "feature/a/b", "features/a"),
        ("**", "a/b", None),
        ("*", "main", "a/b"),
        ("'*.js'".strip("'"), "app.js", "src/app.js"),
        ("**.js", "src/app.js", "src/app.ts"),
        ("docs/**", "docs/a/b.md", "doc/a"),
        ("**/docs/**", "docs/a.md", "a/doc/b"),
        ("**/docs/**", "x/docs/a.md", "x/docs"),
        ("**/*-post.md", "a/b/my-post.md", "a/post.md"),
        ("v[12].[0-9]+.[0-9]+", "v1.10.1", "v3.1.1"),
        ("*.jsx?", "page.js", "page.jsxx"),
        ("registry/jobs/**", "registry/jobs/ada/2026-11/a.yaml", "registry/users/ada.yaml"),
        ("a.b", "a.b", "axb"),
        (r"a\*", "a*", "ab"),
    ],
)
def test_patterns(pattern, fits, does_not):
    assert matches([pattern], fits)
    assert does_not is None or not matches([pattern], does_not)


def test_the_last_pattern_that_fits_counts():
    patterns = ["registry/**", "!registry/users/**", "registry/users/ada.yaml"]
    assert matches(patterns, "registry/users/ada.yaml")
    assert not matches(patterns, "registry/users/bob.yaml")
    assert any_meant(patterns, ["README.md", "registry/a"])
    assert all_ignored(["docs/**"], ["docs/a", "docs/b/c"])
    assert not all_ignored(["docs/**"], ["docs/a", "src/b"])


def push(ref="refs/heads/main", **rest):
    return {"ref": ref, "sender": {"login": "ada"}, **rest}


def pull(action="opened", base="main"):
    return {"action": action, "number": 1, "pull_request": {"base": {"ref": base}}}


@pytest.mark.parametrize(
    ("on", "event", "payload", "changed", "expected"),
    [
        ("push", "push", push(), [], True),
        ("push", "pull_request", pull(), [], False),
        ("[push, pull_request]", "pull_request", pull(), [], True),
        ("{push: {branches: [main]}}", "push", push(), [], True),
        ("{push: {branches: [main]}}", "push", push("refs/heads/x"), [], False),
        ("{push: {branches: [main]}}", "push", push("refs/tags/v1"), [], False),
        ("{push: {tags: [v*]}}", "push", push(), [], False),
        ("{push: {branches-ignore: [main]}}", "push", push(), [], False),
        ("{push: {paths: ['a/**']}}", "push", push(), ["a/b"], True),
        ("{push: {paths: ['a/**']}}", "push", push(), ["b"], False),
        ("{push: {paths: ['a/**', '!a/b']}}", "push", push(), ["a/b"], False),
        ("{push: {paths-ignore: ['a/**']}}", "push", push(), ["a/b"], False),
        ("{push: {paths-ignore: ['a/**']}}", "push", push(), ["a/b", "c"], True),
        ("pull_request", "pull_request", pull("labeled"), [], False),
        ("{pull_request: {types: [labeled]}}", "pull_request", pull("labeled"), [], True),
        ("{pull_request: {types: [labeled]}}", "pull_request", pull("opened"), [], False),
        ("{pull_request: {branches: [main]}}", "pull_request", pull(base="x"), [], False),
        ("{issues: {types: [opened]}}", "issues", {"action": "opened"}, [], True),
        ("{issues: {types: [opened]}}", "issues", {"action": "edited"}, [], False),
        ("{schedule: [{cron: '1 2 * * *'}]}", "schedule", {"schedule": "1 2 * * *"}, [], True),
        ("{schedule: [{cron: '1 2 * * *'}]}", "schedule", {"schedule": "2 2 * * *"}, [], False),
        ("workflow_dispatch", "workflow_dispatch", {"workflow": "a.yml"}, [], True),
        ("workflow_dispatch", "workflow_dispatch", {"workflow": "b.yml"}, [], False),
        ("workflow_call", "workflow_call", {}, [], False),
    ],
)
def test_what_starts_a_workflow(on, event, payload, changed, expected):
    assert starts(workflow(on), event, payload, lambda: changed) is expected


@pytest.mark.parametrize(
    ("filters", "action", "name", "branch", "expected"),
    [
        ("workflows: [validate]", "completed", "validate", "x", True),
        ("workflows: [validate]", "completed", "other", "x", False),
        ("{workflows: [validate], types: [completed]}", "requested", "validate", "x", False),
        ("{workflows: [validate], branches: [main]}", "completed", "validate", "x", False),
        ("{workflows: [validate], branches: [main]}", "completed", "validate", "main", True),
    ],
)
def test_what_a_finished_run_starts(filters, action, name, branch, expected):
    filters = filters if filters.startswith("{") else f"{{{filters}}}"
    run = {"name": name, "head_branch": branch}
    payload = {"action": action, "workflow_run": run}
    on = f"{{workflow_run: {filters}}}"
    assert starts(workflow(on), "workflow_run", payload, list) is expected


def test_an_unknown_filter_is_an_error():
    with pytest.raises(HarnessError, match="unknown filter"):
        starts(workflow("{push: {path: [a]}}"), "push", push(), list)


def test_what_the_token_of_a_workflow_does_starts_nothing():
    assert held_back("push", push(sender={"login": "github-actions[bot]"}))
    assert not held_back("push", push(sender={"login": "neurocaas[bot]"}))
    assert not held_back("workflow_run", {"sender": {"login": "github-actions[bot]"}})
    assert held_back("push", push(head_commit={"message": "Certify [skip ci]"}))


def group(name="a", **how):
    return Waiting(name, **how)


@pytest.mark.parametrize(
    ("waiting", "gone"),
    [
        ([group(), group()], set()),
        ([group(), group("A"), group()], {1}),
        ([group(), group("b"), group()], set()),
        ([group(cancels=True), group(cancels=True), group(cancels=True)], {0, 1}),
        ([group(), group(), group(cancels=True)], {0, 1}),
        ([group(queues=True)] * 3, set()),
        ([Waiting(), Waiting()], set()),
    ],
)
def test_concurrency(waiting, gone):
    assert cancelled(waiting) == gone


CONTEXTS = {
    "github": {
        "ref": "refs/heads/main", "event_name": "push", "event": {"number": 7, "x": None},
        "head_ref": "",
    },
    "inputs": {},
}  # fmt: skip


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("run-${{ github.ref }}", "run-refs/heads/main"),
        ("${{ github.event_name == 'pull_request' }}", False),
        ("${{ github.event_name != 'pull_request' && github.event.number == 7 }}", True),
        ("${{ github.head_ref || github.event.number }}", 7),
        ("${{ !github.event.x }}", True),
        ("a-${{ github.event.missing.deep }}-${{ 'it''s' }}", "a--it's"),
        ("${{ (false || true) && 'Push' == 'push' }}", True),
        (True, True),
    ],
)
def test_expressions(template, value):
    assert evaluate(template, CONTEXTS) == value


@pytest.mark.parametrize(
    "template", ["${{ format('x') }}", "${{ a b }}", "${{ a == }}", "${{ # }}"]
)
def test_an_expression_that_is_not_understood_is_an_error(template):
    with pytest.raises(HarnessError, match="expression"):
        evaluate(template, CONTEXTS)


TWO_JOBS = """
on: push
permissions: {contents: read, actions: none}
jobs:
  one: {runs-on: ubuntu-24.04, steps: []}
  two:
    runs-on: ubuntu-24.04
    permissions: {contents: write, id-token: write}
    environment: {name: "pro${{ 'd' }}"}
    steps: []
"""


def contexts(event_name="push", ref="refs/heads/main", event=None):
    return {"github": {"event_name": event_name, "ref": ref, "event": event or {}}}


def test_a_run_gets_what_its_jobs_ask_for_and_no_more():
    given = grant(
        read_workflow("a.yml", TWO_JOBS), [], contexts(), {"A": "1"}, {"prod": {"B": "2"}, "x": {}}
    )
    assert given.permissions == {"contents": "write"}
    assert given.identity
    assert given.secrets == {"A": "1", "B": "2"}
    assert given.environments == ("prod",)


def test_a_called_workflow_may_enter_an_environment():
    caller = "on: push\njobs: {one: {uses: ./.github/workflows/b.yml}}"
    called = [read_workflow("b.yml", TWO_JOBS)]
    given = grant(read_workflow("a.yml", caller), called, contexts(), {}, {"prod": {"B": "2"}})
    assert (given.secrets, given.permissions) == ({"B": "2"}, {})


def test_an_environment_is_closed_to_other_branches():
    given = grant(
        read_workflow("a.yml", TWO_JOBS), [], contexts(ref="refs/heads/x"), {}, {"prod": {"B": "2"}}
    )
    assert given.secrets == {}


def test_a_fork_reads_and_knows_nothing():
    event = {"pull_request": {
        "head": {"repo": {"full_name": "eve/registry"}},
        "base": {"repo": {"full_name": "acme/registry"}},
    }}  # fmt: skip
    given = grant(
        read_workflow("a.yml", TWO_JOBS), [], contexts("pull_request", event=event), {"A": "1"},
        {"prod": {"B": "2"}},
    )  # fmt: skip
    assert given.permissions == {"contents": "read"}
    assert (given.secrets, given.identity) == ({}, False)


def test_nothing_written_is_nothing_granted():
    assert workflow("push").permissions() == {}
    assert workflow("push", "permissions: read-all").permissions()["checks"] == "read"


@pytest.mark.parametrize(
    ("job", "word"),
    [
        ("{runs-on: x, services: {db: {image: x}}, steps: []}", "services"),
        ("{runs-on: x, container: x, steps: []}", "container"),
        ("{uses: other/tools/.github/workflows/a.yml@v1}", "calls"),
        ("{runs-on: x, permissions: {content: read}, steps: []}", "no permission content"),
    ],
)
def test_what_cannot_be_run_is_an_error(job, word):
    with pytest.raises(HarnessError, match=word):
        read_workflow("a.yml", f"on: push\njobs: {{one: {job}}}")


def test_actions_are_known_by_repository_and_ref():
    assert remote_action("actions/cache/save@abc") == ("actions/cache", "abc")
    assert remote_action("./.github/actions/setup") is None


def test_output_that_is_not_json_is_kept_apart():
    said = [
        "panic: out of memory\n", "[1]\n", '{"msg": 3}\n', "\n",
        '{"job":"w/one  ","jobID":"one","msg":"hello\\n","raw_output":true}\n',
        '{"job":"one/sign/two","jobID":"two","matrix":{"k":"v"},"jobResult":"success","msg":"x"}\n',
        "{" * 200_000,
    ]  # fmt: skip
    output = read_output(said, {"one"})
    assert set(output.jobs) == {"one", "one / two (v)"}
    assert output.jobs["one"].log == "hello\n"
    assert output.jobs["one"].result == "cancelled"
    assert output.jobs["one / two (v)"].result == "success"
    assert output.other[:3] == ["panic: out of memory", "[1]", '{"msg": 3}']
