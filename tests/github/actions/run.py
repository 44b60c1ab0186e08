"""What a run of a workflow left: results of its jobs and steps, annotations, summary, log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Result = Literal["success", "failure", "cancelled", "skipped"]


@dataclass(frozen=True, slots=True)
class Annotation:
    """An `::error`, `::warning` or `::notice` of a step; `facts` are its file, line, title, ..."""

    level: Literal["error", "warning", "notice"]
    message: str
    job: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """One step that ran or was skipped; `id` is its own, or its place in the job."""

    id: str
    name: str
    result: Result


@dataclass(slots=True)
class Job:
    """One job, or one leg of a matrix; `caller` is the job that called its workflow, if one did."""

    id: str
    name: str
    caller: str = ""
    result: Result = "cancelled"
    steps: list[Step] = field(default_factory=list)
    summary: str = ""
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """One run; `bound` is the limit of the box that ended it, if one did.

    `permissions` are those of its token, `secrets` the names of what it was given besides.
    """

    id: int
    path: str
    name: str
    event: str
    sha: str
    conclusion: str
    jobs: Mapping[str, Job] = field(default_factory=dict)
    annotations: tuple[Annotation, ...] = ()
    masked: tuple[str, ...] = ()
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    permissions: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    bound: str | None = None
    seconds: float = 0
    said: str = ""

    @property
    def log(self) -> str:
        """Return what all steps printed, as GitHub shows it: with secrets masked."""
        return "".join(job.log for job in self.jobs.values())

    @property
    def summary(self) -> str:
        """Return the job summaries, one after the other."""
        return "".join(job.summary for job in self.jobs.values())

    def results(self) -> dict[str, str]:
        """Return the result of every job."""
        return {name: job.result for name, job in self.jobs.items()}

    def errors(self) -> list[str]:
        """Return the messages of all error annotations."""
        return [note.message for note in self.annotations if note.level == "error"]

    def require_success(self) -> Run:
        """Return the run; raise AssertionError with its log unless every job succeeded."""
        if self.conclusion != "success" or set(self.results().values()) != {"success"}:
            said = "\n".join([self.describe(), *self.errors(), self.log, self.said])
            raise AssertionError(said)
        return self

    def describe(self) -> str:
        """Return one line for people."""
        jobs = ", ".join(f"{name}: {result}" for name, result in self.results().items())
        return f"{self.path} for {self.event} at {self.sha[:10]}: {self.conclusion} ({jobs})"
