"""What the website says, before it is HTML; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.certificate import Certificate
from neurocaas_ci.model.registry import Hardware, Job
from neurocaas_ci.model.usage import UsageReport, UsageScope

JobState = Literal["certified", "failed", "cancelled", "waiting", "unreadable"]

# The patterns of the schemas: only what has such a name becomes the name of a page.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_JOB = re.compile(
    r"[A-Za-z0-9](-?[A-Za-z0-9]){0,38}/[0-9]{4}-[0-9]{2}/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)


def is_page_name(name: str) -> bool:
    """Tell whether a blueprint of this name gets a page of its own."""
    return bool(_NAME.fullmatch(name))


def is_page_job(job: str) -> bool:
    """Tell whether a job of this id gets a page of its own."""
    return bool(_JOB.fullmatch(job))


@dataclass(frozen=True, slots=True)
class Version:
    """A published version of a blueprint, with the commit and the day (UTC) that brought it."""

    number: str
    commit: str
    day: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """A blueprint and its versions, the newest first; `jobs` counts those that name it."""

    blueprint: Blueprint
    versions: tuple[Version, ...]
    jobs: int
    reproducible: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as a list shows it.

    `merged` is the day (UTC) that brought it onto main; `known` tells that its analysis has a page.
    `verdicts` counts its replays by verdict. `problem` says what could not be read.
    """

    id: str
    reference: str
    state: JobState
    datasets: int
    merged: str
    commit: str
    known: bool = False
    cost: float | None = None
    verdicts: tuple[tuple[str, int], ...] = ()
    problem: str = ""

    @property
    def login(self) -> str:
        """Return whose job it is."""
        return self.id.split("/")[0]

    @property
    def month(self) -> str:
        """Return the month of the job's folder (yyyy-mm)."""
        return self.id.split("/")[1]

    @property
    def name(self) -> str:
        """Return the last part of the id."""
        return self.id.split("/")[2]

    @property
    def analysis(self) -> str:
        """Return the name of the blueprint."""
        return self.reference.partition("@")[0]


@dataclass(frozen=True, slots=True)
class Witness:
    """A signed verdict of a replay: the name of its file, and what it says."""

    file: str
    verdict: str


@dataclass(frozen=True, slots=True)
class JobFacts:
    """All that the page of one job says.

    `bundle` is the certificate's file as it lies on main.
    """

    row: JobRow
    job: Job | None
    certificate: Certificate | None
    bundle: bytes | None
    witnesses: tuple[Witness, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """The registry at one commit of one day (UTC); `repository` is its address on the web, if any.

    Jobs are in the order in which they were merged, the newest first. `people` are names by login; `form` tells that jobs
    are submitted by an issue form too. `unreadable` are files with the reason.
    """

    title: str
    repository: str | None
    commit: str
    day: str
    analyses: tuple[Analysis, ...]
    hardware: Mapping[str, Hardware]
    people: Mapping[str, str]
    jobs: tuple[JobRow, ...]
    usage: UsageReport
    scope: UsageScope
    form: bool
    unreadable: tuple[tuple[str, str], ...]

    def count(self, state: JobState) -> int:
        """Return how many jobs are in a state."""
        return sum(row.state == state for row in self.jobs)
