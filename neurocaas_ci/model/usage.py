"""What finished jobs used, one by one and added up; I/O is not handled here.

All amounts are whole numbers (microseconds, microdollars), so that sums are exact in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from neurocaas_ci.model.money import Microdollars
from neurocaas_ci.model.run import RunStatus

MICROSECONDS_PER_HOUR = 3_600_000_000

PARALLELISM = tuple(2**k for k in range(8))
"""The least number of datasets of each class of jobs; the last class has no end.

Abe et al. 2022 (doi:10.1016/j.neuron.2022.06.018), Fig. 6; the authors' script that counts jobs and
compute hours has these bins: `figures/parallelized.py` in cunningham-lab/neurocaas_contrib.
"""


@dataclass(frozen=True, slots=True)
class FinishedJob:
    """What one certificate says that a job used.

    `month` (yyyy-mm) is that of the job's folder; `compute` is the wall time of all runs together
    and `cpu` their processor time, in microseconds; `local` tells that a machine of somebody's own
    ran it, and no hosted runner.
    """

    user: str
    month: str
    analysis: str
    version: str
    datasets: int
    runs: int
    status: RunStatus
    compute: int
    cpu: int
    cost: Microdollars
    local: bool


class Tally(NamedTuple):
    """Sums over some jobs, in the units of `FinishedJob`."""

    jobs: int = 0
    failed: int = 0
    cancelled: int = 0
    local: int = 0
    datasets: int = 0
    runs: int = 0
    compute: int = 0
    cpu: int = 0
    cost: int = 0

    @property
    def hours(self) -> float:
        """Return the compute time in hours."""
        return self.compute / MICROSECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class ParallelismRow:
    """The jobs that analysed from `least` to `most` datasets at once; None is any number."""

    least: int
    most: int | None
    tally: Tally

    @property
    def label(self) -> str:
        """Return the range as people write it: `1`, `2-3`, `128+`."""
        if self.most is None:
            return f"{self.least}+"
        return str(self.least) if self.least == self.most else f"{self.least}-{self.most}"


@dataclass(frozen=True, slots=True)
class MonthRow:
    """One month (yyyy-mm): who had jobs in it, and for how many users they were the first ones."""

    month: str
    users: int
    new_users: int
    tally: Tally


@dataclass(frozen=True, slots=True)
class AnalysisRow:
    """One analysis: its users, and its jobs by version."""

    name: str
    users: int
    versions: Mapping[str, int]
    tally: Tally


@dataclass(frozen=True, slots=True)
class UsageReport:
    """All sums; every class of parallelism and every month from the first to the last is there.

    Analyses stand in the order of their compute time, the largest first.
    """

    total: Tally
    users: int
    parallelism: tuple[ParallelismRow, ...]
    months: tuple[MonthRow, ...]
    analyses: tuple[AnalysisRow, ...]


@dataclass(frozen=True, slots=True)
class UsageScope:
    """Of what a report was made: the commit, what was left out, and what could not be read.

    `unreadable` names the first certificates of those that `unreadable_count` counts, and why.
    """

    commit: str
    since: str | None = None
    until: str | None = None
    user: str | None = None
    analysis: str | None = None
    unreadable: tuple[tuple[str, str], ...] = ()
    unreadable_count: int = 0

    @property
    def filters(self) -> str:
        """Return in words what was selected, or nothing."""
        words = (
            ("from", self.since), ("to", self.until), ("user", self.user),
            ("analysis", self.analysis),
        )  # fmt: skip
        return ", ".join(f"{word} {value}" for word, value in words if value is not None)
