"""How workflow files, their runs and artifacts look in an answer."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from . import shapes
from .records import Artifact, Run

if TYPE_CHECKING:
    from .hub import FakeGitHub
    from .repository import Repository


def workflow(github: FakeGitHub, repo: Repository, path: str) -> dict[str, Any]:
    """Return a workflow file."""
    number = repo.workflow_id(path)
    shape: dict[str, Any] = github.spec.example("actions/get-workflow", repo.full_name)
    name = path.rpartition("/")[2]
    shape.update(
        id=number, node_id=f"W_{number}", name=name.rpartition(".")[0], path=path, state="active",
        url=f"{repo.url}/actions/workflows/{number}", html_url=f"{repo.html_url}/blob/main/{path}",
        badge_url=f"{repo.html_url}/workflows/{name}/badge.svg",
    )  # fmt: skip
    return shape


def run(github: FakeGitHub, repo: Repository, given: Run) -> dict[str, Any]:
    """Return a run."""
    shape: dict[str, Any] = github.spec.example("actions/get-workflow-run", repo.full_name)
    url, number = f"{repo.url}/actions/runs/{given.id}", repo.workflow_id(given.path)
    head = given.head_repository
    commit = repo.git.log("-1", given.head_sha)[0]
    shape.update(
        id=given.id, node_id=f"WFR_{given.id}", name=given.name, path=given.path,
        head_branch=given.head_branch, head_sha=given.head_sha, run_number=given.number,
        run_attempt=given.attempt, event=given.event, status=given.status,
        display_title=commit.message.partition("\n")[0], conclusion=given.conclusion,
        workflow_id=number, url=url, html_url=f"{repo.html_url}/actions/runs/{given.id}",
        created_at=given.created, updated_at=given.updated, run_started_at=given.created,
        actor=shapes.user(github, given.actor), triggering_actor=shapes.user(github, given.actor),
        jobs_url=f"{url}/jobs", logs_url=f"{url}/logs", artifacts_url=f"{url}/artifacts",
        cancel_url=f"{url}/cancel", rerun_url=f"{url}/rerun", previous_attempt_url=None,
        check_suite_url=f"{repo.url}/check-suites/{given.id}", check_suite_id=given.id,
        workflow_url=f"{repo.url}/actions/workflows/{number}", referenced_workflows=[],
        # GitHub lists none for a head in another repository.
        pull_requests=[_pull(repo, n) for n in given.pulls] if head is repo else [],
        head_commit={
            "id": commit.sha, "tree_id": commit.tree, "message": commit.message,
            "timestamp": commit.committer[2],
            "author": {"name": commit.author[0], "email": commit.author[1]},
            "committer": {"name": commit.committer[0], "email": commit.committer[1]},
        },
        repository=shapes.repository(github, repo),
        head_repository=shapes.repository(github, head), head_repository_id=head.id,
    )  # fmt: skip
    return shape


def artifact(github: FakeGitHub, repo: Repository, given: Artifact) -> dict[str, Any]:
    """Return what is known of an artifact."""
    shape: dict[str, Any] = github.spec.example("actions/get-artifact", repo.full_name)
    url = f"{repo.url}/actions/artifacts/{given.id}"
    made_by = repo.runs[given.run_id]
    shape.update(
        id=given.id, node_id=f"ART_{given.id}", name=given.name, expired=given.expired,
        size_in_bytes=len(given.content), url=url, archive_download_url=f"{url}/zip",
        created_at=given.created, updated_at=given.created, expires_at="2099-01-01T00:00:00Z",
        digest="sha256:" + hashlib.sha256(given.content).hexdigest(),
        workflow_run={
            "id": made_by.id, "repository_id": repo.id, "head_sha": made_by.head_sha,
            "head_repository_id": made_by.head_repository.id, "head_branch": made_by.head_branch,
        },
    )  # fmt: skip
    return shape


def _pull(repo: Repository, number: int) -> dict[str, Any]:
    facts = repo.items[number].pull
    assert facts is not None
    tiny = {"id": repo.id, "url": repo.url, "name": repo.name}
    return {
        "id": repo.items[number].id, "number": number, "url": f"{repo.url}/pulls/{number}",
        "head": {"ref": facts.head, "sha": facts.head_sha, "repo": tiny},
        "base": {"ref": facts.base, "sha": facts.base_sha, "repo": tiny},
    }  # fmt: skip
