"""How commits, refs and changed files look in an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from . import shapes
from .plumbing import Commit, FileChange

if TYPE_CHECKING:
    from .hub import FakeGitHub
    from .people import User
    from .repository import Repository

UNSIGNED = {
    "verified": False, "reason": "unsigned", "signature": None, "payload": None,
    "verified_at": None,
}  # fmt: skip


def person(given: tuple[str, str, str]) -> dict[str, str]:
    """Return who wrote a commit, and when."""
    name, email, date = given
    return {"name": name, "email": email, "date": date}


def account(github: FakeGitHub, given: tuple[str, str, str]) -> dict[str, Any] | None:
    """Return the account that an address belongs to."""
    found: User | None = next((u for u in github.users.values() if u.email == given[1]), None)
    return shapes.user(github, found) if found else None


def git_commit(repo: Repository, commit: Commit) -> dict[str, Any]:
    """Return a commit as the git database has it."""
    return {
        "sha": commit.sha, "node_id": f"C_{commit.sha}", "url": f"{repo.url}/git/commits/{commit.sha}",
        "html_url": f"{repo.html_url}/commit/{commit.sha}", "author": person(commit.author),
        "committer": person(commit.committer), "message": commit.message,
        "tree": {"sha": commit.tree, "url": f"{repo.url}/git/trees/{commit.tree}"},
        "parents": [
            {"sha": sha, "url": f"{repo.url}/git/commits/{sha}",
             "html_url": f"{repo.html_url}/commit/{sha}"} for sha in commit.parents
        ],
        "verification": UNSIGNED,
    }  # fmt: skip


def commit(github: FakeGitHub, repo: Repository, given: Commit) -> dict[str, Any]:
    """Return a commit of a list."""
    url = f"{repo.url}/commits/{given.sha}"
    return {
        "url": url, "sha": given.sha, "node_id": f"C_{given.sha}",
        "html_url": f"{repo.html_url}/commit/{given.sha}", "comments_url": f"{url}/comments",
        "commit": {
            "url": f"{repo.url}/git/commits/{given.sha}", "author": person(given.author),
            "committer": person(given.committer), "message": given.message,
            "tree": {"sha": given.tree, "url": f"{repo.url}/git/trees/{given.tree}"},
            "comment_count": 0, "verification": UNSIGNED,
        },
        "author": account(github, given.author), "committer": account(github, given.committer),
        "parents": [
            {"sha": sha, "url": f"{repo.url}/commits/{sha}",
             "html_url": f"{repo.html_url}/commit/{sha}"} for sha in given.parents
        ],
    }  # fmt: skip


def file(repo: Repository, change: FileChange, head: str) -> dict[str, Any]:
    """Return a changed file."""
    path = quote(change.path, errors="surrogateescape")
    shape = {
        "sha": change.sha, "filename": _text(change.path),
        "status": change.status, "additions": change.additions, "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": f"{repo.html_url}/blob/{head}/{path}",
        "raw_url": f"{repo.html_url}/raw/{head}/{path}",
        "contents_url": f"{repo.url}/contents/{path}?ref={head}",
    }  # fmt: skip
    if change.old_path is not None:
        shape["previous_filename"] = _text(change.old_path)
    if change.patch is not None:
        shape["patch"] = change.patch
    return shape


def ref(repo: Repository, name: str, sha: str) -> dict[str, Any]:
    """Return a ref."""
    kind = repo.git.kind(sha) or "commit"
    return {
        "ref": name, "node_id": f"REF_{name}", "url": f"{repo.url}/git/{quote(name)}",
        "object": {"type": kind, "sha": sha, "url": f"{repo.url}/git/{kind}s/{sha}"},
    }  # fmt: skip


def _text(path: str) -> str:
    """Return a path as JSON can have it; what is not UTF-8 is lost, as on GitHub."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
