"""What the fake remembers beside the git objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from .people import User

if TYPE_CHECKING:
    from .repository import Repository


def now() -> str:
    """Return the time as GitHub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Called(NamedTuple):
    """A request that was answered; status 0 is an answer that was lost on purpose."""

    method: str
    path: str
    operation: str
    status: int


class Event(NamedTuple):
    """What a webhook would deliver."""

    name: str
    payload: dict[str, Any]


class Violation(NamedTuple):
    """Where a request or an answer is not what GitHub describes."""

    what: str
    operation: str
    errors: list[str]


@dataclass(slots=True)
class Proposal:
    """The part of an issue that makes it a pull request.

    `test_merge` is the commit at refs/pull/N/merge. `unread` counts how often `mergeable` will still
    be null.
    """

    base: str
    base_sha: str
    head: str
    head_sha: str
    head_repository: Repository | None
    draft: bool
    unread: int
    test_merge: str | None = None
    merged_by: User | None = None
    merged_at: str | None = None
    merge_sha: str | None = None


@dataclass(slots=True)
class Item:
    """An issue or a pull request."""

    id: int
    number: int
    title: str
    body: str | None
    user: User
    app_id: int | None
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)
    closed: str | None = None
    reason: str | None = None
    labels: list[str] = field(default_factory=list)
    locked: bool = False
    lock_reason: str | None = None
    pull: Proposal | None = None

    @property
    def state(self) -> str:
        """Return `open` or `closed`."""
        return "open" if self.closed is None else "closed"


@dataclass(slots=True)
class Comment:
    """A comment on an issue or a pull request."""

    id: int
    number: int
    body: str
    user: User
    app_id: int | None
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)


@dataclass(slots=True)
class Label:
    """A label of a repository."""

    id: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(slots=True)
class CheckRun:
    """A check of a commit, made by an App."""

    id: int
    head_sha: str
    app_id: int
    app_login: str
    facts: dict[str, Any]
    """name, status, conclusion, external_id, details_url, started_at, completed_at"""
    output: dict[str, Any]


@dataclass(slots=True)
class Status:
    """A status of a commit; the newest of a context counts."""

    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: User
    created: str = field(default_factory=now)


@dataclass(slots=True)
class Artifact:
    """A zip archive that a run left."""

    id: int
    run_id: int
    name: str
    content: bytes
    expired: bool = False
    created: str = field(default_factory=now)


@dataclass(slots=True)
class Run:
    """A run of a workflow file."""

    id: int
    number: int
    path: str
    event: str
    head_sha: str
    head_branch: str
    head_repository: Repository
    actor: User
    status: str
    conclusion: str | None
    name: str
    pulls: tuple[int, ...] = ()
    attempt: int = 1
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)
    artifacts: list[Artifact] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Protection:
    """The rules of a branch; `checks` maps a name to the id of the App that it must come from.

    `bypass` names the logins that the rules do not bind. `classic` is branch protection instead of
    a ruleset.
    """

    branch: str
    id: int
    checks: Mapping[str, int | None]
    bypass: frozenset[str]
    approvals: int
    classic: bool
