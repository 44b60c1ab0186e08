"""Runs, artifacts, starting and merging on GitHub: bounds, redirects, answers that are lost."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from adapter_world import asked
from fake import actions_shapes, archive, downloads

from neurocaas_ci.errors import BackendUnavailableError, UsageError

RUN = ".github/workflows/run.yml"


@pytest.fixture
def made(repo):
    """A run with two artifacts."""
    artifacts = {"state": archive({"a.txt": "a" * 5000}), "other": archive({"b.txt": "b"})}
    return repo.add_run(RUN, "push", repo.head(), "completed", "success", artifacts)


def test_a_run_has_its_facts(repo, adapter, made):
    run = adapter.run(made)
    assert (run.id, run.path, run.event) == (made, RUN, "push")
    assert (run.status, run.conclusion, run.head) == ("completed", "success", repo.head())
    assert run.head_repository == repo.full_name
    assert run.url.endswith(f"/actions/runs/{made}")


def test_a_run_of_a_fork_names_the_fork(hub, repo, adapter):
    fork = hub.fork(repo.full_name, "mallory")
    head = fork.commit({"x": "1"}, branch="evil")
    repo.git.run("fetch", "-q", str(fork.path), head)
    made = repo.add_run(RUN, "pull_request", head, head_branch="evil", head_repository=fork)
    assert adapter.run(made).head_repository == "mallory/registry"


def test_a_run_that_is_not_there(adapter):
    with pytest.raises(UsageError, match="reading the workflow run failed: GitHub answers 404"):
        adapter.run(12345)


def test_an_artifact_is_its_bytes(repo, adapter, made):
    kept = {one.name: one.content for one in repo.runs[made].artifacts}
    assert adapter.artifact(made, "state", 10_000) == kept["state"]
    assert adapter.artifact(made, "other", 10_000) == kept["other"]
    assert adapter.artifact(made, "none", 10_000) is None


def test_an_artifact_that_has_expired_is_none(hub, repo, adapter, made):
    repo.runs[made].artifacts[0].expired = True
    assert adapter.artifact(made, "state", 10_000) is None
    assert asked(hub, "actions/download", "downloads") == []


def test_an_artifact_that_expires_meanwhile_is_none(hub, repo, adapter, made, monkeypatch):
    """It was listed as there; the download says that it is gone."""
    repo.runs[made].artifacts[0].expired = True
    build = actions_shapes.artifact

    def earlier(github, repository, given):
        return {**build(github, repository, given), "expired": False}

    monkeypatch.setattr(actions_shapes, "artifact", earlier)
    assert adapter.artifact(made, "state", 10_000) is None


def test_an_artifact_of_another_token_goes_on_without_it(hub, adapter, made):
    """The storage is another host and refuses a request that brings a token."""
    assert hub.storage != hub.base
    assert adapter.artifact(made, "state", 10_000)
    assert asked(hub, "downloads") == ["downloads"]
    assert [call.status for call in hub.calls if call.operation == "downloads"] == [200]


def test_an_artifact_that_is_announced_too_large_is_not_fetched(hub, repo, adapter, made):
    size = len(repo.runs[made].artifacts[0].content)
    assert adapter.artifact(made, "state", size)
    hub.calls.clear()
    with pytest.raises(UsageError, match=f"state has more than {size - 1} bytes"):
        adapter.artifact(made, "state", size - 1)
    assert asked(hub, "actions/download", "downloads") == []


def test_an_artifact_larger_than_announced_is_not_held(hub, repo, adapter, made, monkeypatch):
    build = actions_shapes.artifact

    def small(github, repository, given):
        return {**build(github, repository, given), "size_in_bytes": 10}

    monkeypatch.setattr(actions_shapes, "artifact", small)
    with pytest.raises(UsageError, match="more than 50 bytes"):
        adapter.artifact(made, "state", 50)


def test_a_download_that_fails_can_be_tried_again(hub, adapter, made, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(downloads, "_KEY", b"another")
        hub.fail(downloads.NAME, status=503, times=None)
        with pytest.raises(BackendUnavailableError, match="reading the artifact failed") as caught:
            adapter.artifact(made, "state", 10_000)
    assert "sig=" not in str(caught.value)
    hub.faults.clear()
    assert adapter.artifact(made, "state", 10_000)


@pytest.mark.parametrize("status", [403, 404])
def test_a_download_that_is_refused_says_so(hub, adapter, made, status):
    """Trying again does not help."""
    hub.fail("actions/download-artifact", status=status, body={"message": "not for you"})
    with pytest.raises(UsageError, match=str(status)):
        adapter.artifact(made, "state", 10_000)


@pytest.fixture
def workflow(repo):
    text = "on:\n  workflow_dispatch:\n    inputs: {jobs: {type: string}}\n"
    repo.commit({RUN: text})
    return repo


def test_a_workflow_is_started_on_main(hub, workflow, adapter):
    adapter.dispatch("run.yml", {"jobs": "ada/2026-11/first"})
    (event,) = [event for event in hub.events if event.name == "workflow_dispatch"]
    assert event.payload["ref"] == "refs/heads/main"
    assert event.payload["inputs"] == {"jobs": "ada/2026-11/first"}
    assert event.payload["workflow"] == RUN


def test_a_workflow_that_is_not_there_is_said(workflow, adapter):
    with pytest.raises(UsageError, match="starting the workflow failed: GitHub answers 404"):
        adapter.dispatch("nothing.yml", {})


def test_a_workflow_that_is_not_started_by_hand_is_said(repo, adapter):
    repo.commit({RUN: "on: push\n"})
    with pytest.raises(UsageError, match=r"422 \(Workflow does not have 'workflow_dispatch'"):
        adapter.dispatch("run.yml", {})


def test_merging_takes_the_head_that_was_judged(repo, adapter, number):
    head = repo.items[number].pull.head_sha
    assert adapter.merge(number, head, "Merge it")
    assert repo.items[number].pull.merged_at
    commit = repo.git.log("-1", "main")[0]
    assert commit.message.startswith("Merge it")
    assert repo.read("new.txt") == b"new\n"
    assert adapter.main() == repo.head()


def test_a_stale_head_is_not_merged(repo, adapter, number):
    stale = repo.items[number].pull.head_sha
    main = repo.head()
    repo.commit({"unjudged.txt": "x"}, branch="feature")
    assert not adapter.merge(number, stale, "Merge it")
    assert repo.head() == main
    assert adapter.merge(number, repo.head("feature"), "Merge it")
    assert not adapter.merge(number, stale, "Merge it"), "another head was merged"


def test_a_conflict_is_not_merged(repo, adapter, number):
    repo.commit({"new.txt": "other\n"})
    assert not adapter.merge(number, repo.items[number].pull.head_sha, "Merge it")


def test_a_merge_whose_answer_is_lost_has_merged(hub, repo, adapter, number):
    head = repo.items[number].pull.head_sha
    hub.drop("pulls/merge", after=True)
    assert adapter.merge(number, head, "Merge it")
    assert repo.git.count(f"{head}..main") == 1, "merged once"


def test_a_closed_one_is_not_merged(repo, client, hub, adapter, number):
    head = repo.items[number].pull.head_sha
    client(hub.token("ada")).get_repo(repo.full_name).get_pull(number).edit(state="closed")
    assert not adapter.merge(number, head, "Merge it")
