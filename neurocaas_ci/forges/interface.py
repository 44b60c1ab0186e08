"""The forge port: where pull requests live, and how one gets onto main."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

PullState = Literal["open", "merged", "closed"]


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request: `head` is the commit that it proposes now; `created` is UTC, ISO 8601."""

    number: int
    title: str
    author: str
    branch: str
    head: str
    state: PullState
    created: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """What main would become: the merge commit `commit` on top of `base`, not yet published."""

    pull: Pull
    base: str
    commit: str


class Forge(Protocol):
    """Pull requests onto main."""

    def open(self, branch: str, title: str, author: str) -> Pull:
        """Open a pull request for a pushed branch, or update the open one of that branch."""
        ...

    def pulls(self) -> list[Pull]:
        """Return all pull requests, oldest first."""
        ...

    def prepare(self, number: int) -> Candidate:
        """Make the merge of a pull request with main as it is now, without publishing it."""
        ...

    def merge(self, candidate: Candidate) -> bool:
        """Publish a candidate; return False when main or the branch has moved since."""
        ...

    def close(self, number: int) -> Pull:
        """Close a pull request without merging it."""
        ...
