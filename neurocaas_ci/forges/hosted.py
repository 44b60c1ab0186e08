"""The ports of a hosted forge: facts about pull requests, what a bot writes, and workflow runs.

Whatever a person typed (titles, branch names, file names) comes as it is: hostile input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

CheckStatus = Literal["queued", "in_progress", "completed"]
Conclusion = Literal["success", "failure", "neutral", "cancelled", "action_required", "skipped"]
FileStatus = Literal["added", "modified", "removed", "renamed", "copied", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class PullFile:
    """A changed file as the forge lists it; `old_path` is what a renamed file was called."""

    path: str
    status: FileStatus
    old_path: str | None = None


@dataclass(frozen=True, slots=True)
class PullFacts:
    """A pull request as the forge knows it now.

    `author_id` is the numeric id that the forge never gives to anybody else. `base` is the branch it
    goes to, `head` the proposed commit, `head_repository` where that was pushed to (`owner/name`, or
    None when that is gone). `files` may be fewer than `changed_files`: a forge lists 3,000 at most.
    `mergeable` is None while the forge does not know yet.
    """

    number: int
    title: str
    author: str
    author_id: int
    state: Literal["open", "closed", "merged"]
    draft: bool
    base: str
    base_commit: str
    head: str
    branch: str
    head_repository: str | None
    mergeable: bool | None
    labels: tuple[str, ...]
    changed_files: int
    files: tuple[PullFile, ...]

    @property
    def complete(self) -> bool:
        """Tell whether every changed file is listed."""
        return len(self.files) == self.changed_files


@dataclass(frozen=True, slots=True)
class Check:
    """What a check says about a commit; `key` tells checks of one name apart and finds them again.

    `summary` is Markdown. `conclusion` is set when, and only when, the status is `completed`.
    """

    name: str
    key: str
    status: CheckStatus
    title: str
    summary: str
    conclusion: Conclusion | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """A run of a workflow file; `event` started it, `path` is the file, `head` the commit."""

    id: int
    path: str
    event: str
    status: str
    conclusion: str | None
    head: str
    head_repository: str | None
    url: str


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue as the forge knows it now; who opened it is the only thing that nobody can choose.

    Others than its author may have edited the text. Labels are no proof: whoever may label can.
    """

    number: int
    title: str
    body: str
    author: str
    author_id: int
    labels: tuple[str, ...]
    state: Literal["open", "closed"]
    created: datetime


class Issues(Protocol):
    """Issues of a forge."""

    def issue(self, number: int) -> Issue:
        """Return an issue; raise UsageError when there is none, or when it is a pull request."""
        ...


class Hub(Protocol):
    """What a bot reads and writes about pull requests, issues and commits."""

    def facts(self, number: int) -> PullFacts:
        """Return what the forge knows of a pull request; raise UsageError when there is none."""
        ...

    def pulls_of(self, commit: str) -> list[int]:
        """Return the open pull requests onto main whose head is this very commit."""
        ...

    def comment(self, number: int, marker: str, body: str) -> None:
        """Keep one comment on a pull request or an issue: make it, or edit the one with the marker.

        Only comments of this bot count, whatever others write into theirs.
        """
        ...

    def check(self, commit: str, check: Check) -> None:
        """Make a check of a commit, or bring the one with its name and key up to date."""
        ...

    def propose(self, branch: str, files: Mapping[str, bytes], title: str, body: str) -> int:
        """Open a pull request that adds files, on a branch from main; return its number.

        A branch of that name which is half done is finished; nothing is done twice.
        """
        ...


class Workflows(Protocol):
    """Workflow runs of a forge, and what they left."""

    def run(self, number: int) -> WorkflowRun:
        """Return a workflow run by its id; raise UsageError when there is none."""
        ...

    def artifact(self, number: int, name: str, limit: int) -> bytes | None:
        """Return the zip archive of an artifact of a run, or None where there is none.

        Raise UsageError when it is larger than `limit` bytes; no more than that is ever held.
        """
        ...

    def dispatch(self, workflow: str, inputs: Mapping[str, str]) -> None:
        """Start a workflow file (its name, such as `run.yml`) on main."""
        ...


@dataclass(frozen=True, slots=True)
class RepositorySettings:
    """A repository as a token sees it; `rights` are what the token may do (pull, push, admin, ...)."""

    name: str
    default_branch: str
    rights: frozenset[str]


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment of workflows; `branches` are those that may use it."""

    name: str
    reviewed: bool
    branches: Literal["all", "protected", "chosen"]


@dataclass(frozen=True, slots=True)
class ActionsSettings:
    """What the token of a workflow may do that asks for nothing, and whether it may approve."""

    default_rights: Literal["read", "write"]
    may_approve: bool


@dataclass(frozen=True, slots=True)
class AppFacts:
    """An app as it says itself; rights are names of permissions with `read`, `write` or `admin`.

    `asked` is what it asks for, `granted` what the owner of the repository has agreed to.
    `everywhere` tells whether it is installed on all repositories of that owner.
    """

    slug: str
    asked: Mapping[str, str]
    granted: Mapping[str, str]
    everywhere: bool


class Settings(Protocol):
    """Settings of a repository on a forge; what the token may not see raises UsageError."""

    def repository(self) -> RepositorySettings:
        """Return what everybody with a token may know."""
        ...

    def rules(self, branch: str) -> frozenset[str]:
        """Return the kinds of rules that hold for a branch, by GitHub's names (`pull_request`, ...)."""
        ...

    def environments(self) -> tuple[Environment, ...]:
        """Return the environments."""
        ...

    def actions(self) -> ActionsSettings:
        """Return what workflows may do."""
        ...

    def clock(self) -> float:
        """Return the forge's Unix time, in seconds."""
        ...


class Provisions(Protocol):
    """What workflows of a repository are given; what the token may not see raises UsageError."""

    def secrets(self, environment: str | None) -> frozenset[str]:
        """Return the names of the secrets of an environment, or of the repository."""
        ...

    def variables(self) -> Mapping[str, str]:
        """Return the variables of the repository."""
        ...

    def branches(self, environment: str) -> frozenset[str]:
        """Return the patterns of the branches that were chosen for an environment."""
        ...

    def pages(self) -> str | None:
        """Return what the website is made by (`workflow`, `legacy`), or None where there is none."""
        ...
