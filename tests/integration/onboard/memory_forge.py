"""A hosted forge in memory: issues, branches, pull requests, comments; it can die between steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.hosted import Check, Issue, PullFacts, PullFile

BOT = 77
REPOSITORY = "lab/platform"


class DiedError(Exception):
    """The process ends here."""


@dataclass
class Pull:
    branch: str
    files: dict[str, bytes]
    title: str
    body: str


@dataclass
class MemoryForge:
    """`Issues` and `Hub` over one repository; `dies` counts down at each step that changes it."""

    issues: dict[int, Issue] = field(default_factory=dict)
    branches: dict[str, dict[str, bytes]] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    comments: dict[tuple[int, str], str] = field(default_factory=dict)
    steps: int = 0
    dies: int | None = None

    def open(self, body, *, author="lin", author_id=3003, number=None, **changes) -> Issue:
        number = number or 1 + len(self.issues)
        created = datetime(2026, 11, 25, 12, tzinfo=UTC)
        given = {"title": "x", "labels": (), "state": "open", "created": created, **changes}
        self.issues[number] = Issue(number, body=body, author=author, author_id=author_id, **given)
        return self.issues[number]

    def issue(self, number: int) -> Issue:
        if number not in self.issues:
            raise UsageError("there is no such issue", where=f"#{number}")
        return self.issues[number]

    def comment(self, number: int, marker: str, body: str) -> None:
        if self.comments.get((number, marker)) != body:
            self._step()
            self.comments[number, marker] = body

    def propose(self, branch: str, files: Mapping[str, bytes], title: str, body: str) -> int:
        for number, pull in self.pulls.items():
            if pull.branch == branch:
                return number
        if branch not in self.branches:
            self._step()
            self.branches[branch] = dict(files)
        self._step()
        number = 100 + len(self.pulls)
        self.pulls[number] = Pull(branch, self.branches[branch], title, body)
        return number

    def facts(self, number: int) -> PullFacts:
        if number not in self.pulls:
            raise UsageError("there is no such pull request", where=f"#{number}")
        pull = self.pulls[number]
        files = tuple(PullFile(path, "added") for path in sorted(pull.files))
        return PullFacts(
            number=number, title=pull.title, author="platform[bot]", author_id=BOT, state="open",
            draft=False, base="main", base_commit="0" * 40, head="1" * 40,
            branch=pull.branch, head_repository=REPOSITORY, mergeable=True, labels=(),
            changed_files=len(files), files=files,
        )  # fmt: skip

    def pulls_of(self, commit: str) -> list[int]:
        return []

    def check(self, commit: str, check: Check) -> None:
        raise AssertionError("a form sets no checks")

    def _step(self) -> None:
        self.steps += 1
        if self.dies is not None:
            self.dies -= 1
            if self.dies < 0:
                raise DiedError
