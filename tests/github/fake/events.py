"""What webhooks would deliver, in their shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import actions_shapes, shapes
from .people import Token
from .plumbing import ZERO
from .records import Event, Run, Violation

if TYPE_CHECKING:
    from .hub import FakeGitHub
    from .repository import Repository

_MOST_COMMITS = 2048
_EVEN_SO = ("workflow_dispatch", "repository_dispatch")
"""What GITHUB_TOKEN makes events of."""


def emit(
    github: FakeGitHub, name: str, repo: Repository, token: Token | None, payload: dict[str, Any]
) -> None:
    """Make an event; what GITHUB_TOKEN does starts nothing, except a dispatch."""
    if token is not None and token.kind == "GITHUB_TOKEN" and name not in _EVEN_SO:
        return
    sender = token.user if token else github.user("octocat")
    payload = {
        **payload, "repository": shapes.repository(github, repo),
        "sender": shapes.user(github, sender),
    }  # fmt: skip
    if repo.owner.kind == "Organization":
        payload["organization"] = shapes.organization(github, repo.owner)
    if wrong := github.spec.event_errors(name, payload):
        github.violations.append(Violation("event", name, wrong))
    github.events.append(Event(name, payload))


def emit_run(github: FakeGitHub, repo: Repository, run: Run, action: str) -> None:
    """Make the event of a run; it does not matter whose token started it."""
    emit(
        github, "workflow_run", repo, Token("", run.actor),
        {
            "action": action, "workflow_run": actions_shapes.run(github, repo, run),
            "workflow": actions_shapes.workflow(github, repo, run.path),
        },
    )  # fmt: skip


def push(repo: Repository, ref: str, before: str, after: str, token: Token) -> dict[str, Any]:
    """Return the payload of a push."""
    git, url = repo.git, repo.html_url
    commits = []
    if after != ZERO:
        others = [f"^{sha}" for name, sha in repo.known.items() if name != ref]
        since = [f"^{before}"] if before != ZERO else others
        commits = git.log("--reverse", f"--max-count={_MOST_COMMITS}", after, *since)
    told = []
    for commit in commits:
        parent = commit.parents[0] if commit.parents else git.run("hash-object", "-t", "tree", "/dev/null")  # fmt: skip
        changes = git.differences(parent, commit.sha)
        told.append({
            "id": commit.sha, "tree_id": commit.tree, "distinct": True, "message": commit.message,
            "timestamp": commit.committer[2], "url": f"{url}/commit/{commit.sha}",
            "author": {"name": commit.author[0], "email": commit.author[1]},
            "committer": {"name": commit.committer[0], "email": commit.committer[1]},
            "added": [c.path for c in changes if c.status in {"added", "renamed"}],
            "removed": [c.old_path or c.path for c in changes if c.status in {"removed", "renamed"}],
            "modified": [c.path for c in changes if c.status in {"modified", "changed"}],
        })  # fmt: skip
    created, deleted = before == ZERO, after == ZERO
    return {
        "ref": ref, "before": before, "after": after, "created": created, "deleted": deleted,
        "forced": not created and not deleted and not git.contains(after, before),
        "base_ref": None, "compare": f"{url}/compare/{before[:12]}...{after[:12]}",
        "commits": told, "head_commit": told[-1] if told else None,
        "pusher": {"name": token.user.login, "email": token.user.email},
    }  # fmt: skip
