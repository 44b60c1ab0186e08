"""What follows from branches that moved: events, pull requests brought up to date or closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import events, shapes
from .people import Token, User
from .plumbing import ZERO
from .records import Item, now

if TYPE_CHECKING:
    from .hub import FakeGitHub
    from .repository import Repository


def settle(
    github: FakeGitHub, repo: Repository, token: Token | None, *, silent: bool = False
) -> None:
    """Compare the branches with what they were, and do what GitHub does then."""
    before, after = repo.known, repo.git.refs()
    moved = {
        ref: (before.get(ref, ZERO), after.get(ref, ZERO))
        for ref in sorted(before.keys() | after.keys())
        if before.get(ref) != after.get(ref)
    }
    who = token or github.actor(github.user("octocat"))
    for ref, (old, new) in moved.items():
        if not silent:
            events.emit(github, "push", repo, token, events.push(repo, ref, old, new, who))
    repo.known = after
    for ref, (old, new) in moved.items():
        branch = ref.removeprefix("refs/heads/")
        if branch == ref:
            continue
        for base in github.repositories.values():
            for item in list(base.items.values()):
                if item.pull is None or item.closed is not None:
                    continue
                if item.pull.head_repository is repo and item.pull.head == branch:
                    _head_moved(github, base, item, old, new, None if silent else who)
                if base is repo and item.pull.base == branch and new != ZERO:
                    _base_moved(github, base, item, new, None if silent else who)


def refresh(github: FakeGitHub, repo: Repository, item: Item) -> None:
    """Bring refs/pull/N/head and refs/pull/N/merge up to date; `mergeable` is not known at first."""
    facts = item.pull
    assert facts is not None
    git = repo.git
    source = facts.head_repository
    if source is not None and source is not repo:
        git.run("fetch", "-q", "--no-tags", str(source.path), facts.head_sha)
    git.run("update-ref", f"refs/pull/{item.number}/head", facts.head_sha)
    facts.base_sha = git.commit_of(f"refs/heads/{facts.base}") or facts.base_sha
    facts.unread = github.mergeable_unread
    tree = git.merged_tree(facts.base_sha, facts.head_sha)
    ref = f"refs/pull/{item.number}/merge"
    if tree is None:
        facts.test_merge = None
        git.run("update-ref", "-d", ref)
        return
    message = f"Merge {facts.head_sha} into {facts.base_sha}"
    facts.test_merge = git.commit_tree(
        tree, [facts.base_sha, facts.head_sha], message, identity(github.user("github"))
    )
    git.run("update-ref", ref, facts.test_merge)


def identity(author: User, committer: User | None = None) -> dict[str, str]:
    """Return the environment of git for a commit of an author and, if it is another, a committer."""
    committer = committer or author
    return {
        "GIT_AUTHOR_NAME": author.login, "GIT_AUTHOR_EMAIL": author.email,
        "GIT_COMMITTER_NAME": committer.login, "GIT_COMMITTER_EMAIL": committer.email,
    }  # fmt: skip


def close(github: FakeGitHub, repo: Repository, item: Item, token: Token | None) -> None:
    """Close an issue or a pull request, and make the event."""
    item.closed = item.updated = now()
    if item.pull is None:
        github.emit("issues", repo, token, action="closed", issue=shapes.issue(github, repo, item))
        return
    repo.git.run("update-ref", "-d", f"refs/pull/{item.number}/merge")
    github.emit(
        "pull_request", repo, token, action="closed", number=item.number,
        pull_request=shapes.pull(github, repo, item),
    )  # fmt: skip


def _head_moved(
    github: FakeGitHub, repo: Repository, item: Item, old: str, new: str, who: Token | None
) -> None:
    facts = item.pull
    assert facts is not None
    if new == ZERO:
        close(github, repo, item, who)
        return
    facts.head_sha = new
    item.updated = now()
    refresh(github, repo, item)
    if who is not None:
        github.emit(
            "pull_request", repo, who, action="synchronize", number=item.number, before=old,
            after=new, pull_request=shapes.pull(github, repo, item),
        )  # fmt: skip


def _base_moved(
    github: FakeGitHub, repo: Repository, item: Item, new: str, who: Token | None
) -> None:
    facts = item.pull
    assert facts is not None
    if repo.git.contains(new, facts.head_sha):
        # Somebody pushed what the pull request proposes: GitHub takes it for merged.
        facts.merged_at, facts.merge_sha = now(), facts.head_sha
        facts.merged_by = who.user if who else None
        close(github, repo, item, who)
        return
    refresh(github, repo, item)
