"""Which jobs, machines, environments, roles, cells and logs should have ended by now; no I/O here.

AWS Batch ends machines and overdue jobs itself, and the runner of a job its role and its cell. What is found here has
slipped through that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from neurocaas_ci.model.deploy import Leftover
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.units import format_duration

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
GRACE = 15 * _MINUTE
"""Seconds over its time limit that a job has to end by itself."""
UNREGISTERED = 30 * _MINUTE
IDLE = 60 * _MINUTE
WAITING = 25 * _HOUR
"""Seconds in which a queue gives up a job that can never start, and an hour."""
UNBOUNDED = 2 * _DAY
ROLE = _DAY
"""Seconds that the role of a job may be there, at least: a replay makes it for a job that is over."""

EMPTY = 91 * _DAY
"""Seconds after which a log group has dropped what is in a stream."""


class Concluded(NamedTuple):
    """What main says of jobs.

    `over` says why a job will not go on, and nothing while it may. `certified` are the jobs that have
    a certificate, by their cells; of one of these `results` are the digests of outputs and logs by name
    (None where the certificate cannot be read), and `logs` those of the logs by run, None for a run of
    which the certificate names none.
    """

    over: Callable[[str], str]
    certified: Mapping[str, str]
    results: Callable[[str], Mapping[str, Sha256] | None]
    logs: Callable[[str], Mapping[str, Sha256 | None]]


class JobSeen(NamedTuple):
    """A job that has not ended; moments in seconds since 1970, `limit` in seconds of one attempt."""

    id: str
    name: str
    queue: str
    status: str
    created: float
    started: float | None
    limit: int | None
    reason: str = ""
    definition: str = ""


class RoleSeen(NamedTuple):
    """The role of a job, which lasts since `created`.

    `job` is empty where the role does not say which it is; `over` says why that job will not go on, and
    is empty while it may; `busy` counts jobs of the engine that have the role and have not ended.
    """

    name: str
    job: str
    created: float
    over: str
    busy: int


class CellSeen(NamedTuple):
    """The cell of a job that is certified, last written to at `newest`.

    `lost` counts results that the certificate names and that are in the cell and not in the store.
    """

    name: str
    job: str
    newest: float
    lost: int
    busy: bool


class LogsSeen(NamedTuple):
    """What the workers of a job that is certified have logged, last at `newest`.

    `home` tells whether the store has the log of each of its runs.
    """

    name: str
    job: str
    newest: float
    home: bool
    busy: bool


class MachineSeen(NamedTuple):
    """A machine that is up since `launched`; `tasks` is None when no engine knows it."""

    id: str
    kind: str
    launched: float
    tasks: int | None


class EnvironmentSeen(NamedTuple):
    """A compute environment; `wanted` when a queue or the stack has it."""

    name: str
    wanted: bool
    tasks: int


def judge_jobs(jobs: Iterable[JobSeen], now: float) -> list[Leftover]:
    """Return the jobs that are past their time."""
    found = []
    for job in sorted(jobs):
        shown = f"{job.name} in {job.queue}"
        if job.status == "RUNNING" and job.started is not None:
            lasts = now - job.started
            if job.limit is not None and lasts > job.limit + GRACE:
                why = f"{shown} has run for {_for(lasts)}, its limit was {_for(job.limit)}"
                found.append(Leftover("job", job.id, why))
            elif job.limit is None and lasts > UNBOUNDED:
                why = f"{shown} has run for {_for(lasts)} and has no limit"
                found.append(Leftover("job", job.id, why, ends=False))
        elif job.status == "RUNNABLE" and now - job.created > WAITING:
            because = f" ({job.reason})" if job.reason else ""
            why = f"{shown} has waited for a machine since {_for(now - job.created)}{because}"
            found.append(Leftover("job", job.id, why))
    return found


def judge_machines(
    machines: Iterable[MachineSeen], now: float, *, jobs_coming: bool
) -> list[Leftover]:
    """Return machines without work; while jobs are about to start, idle ones are only reported."""
    found = []
    for machine in sorted(machines):
        up = now - machine.launched
        if machine.tasks is None and up > UNREGISTERED:
            why = f"{machine.kind}, up for {_for(up)}, and no engine knows it"
            found.append(Leftover("machine", machine.id, why))
        elif machine.tasks == 0 and up > IDLE:
            why = f"{machine.kind}, up for {_for(up)}, and no job is on it"
            found.append(Leftover("machine", machine.id, why, ends=not jobs_coming))
    return found


def judge_environments(environments: Iterable[EnvironmentSeen]) -> list[Leftover]:
    """Return compute environments of earlier deployments; those with jobs end later."""
    found = []
    for item in sorted(environments):
        if not item.wanted:
            why = "is of an earlier deployment, no queue leads to it"
            if item.tasks:
                why += f"; {item.tasks} jobs still run in it"
            found.append(Leftover("environment", item.name, why, ends=not item.tasks))
    return found


def judge_roles(roles: Iterable[RoleSeen], now: float) -> list[Leftover]:
    """Return roles of jobs that are over; one that names no job is only reported."""
    found = []
    for role in sorted(roles):
        lasts = now - role.created
        if role.busy or lasts <= ROLE:
            continue
        if not role.job:
            why = f"was made {_for(lasts)} ago, and does not say for which job"
            found.append(Leftover("role", role.name, why, ends=False))
        elif role.over:
            why = f"of the job {role.job} was made {_for(lasts)} ago; {role.over}"
            found.append(Leftover("role", role.name, why))
    return found


def judge_cells(cells: Iterable[CellSeen], now: float) -> list[Leftover]:
    """Return cells that nobody has written to for a day; one that holds what is nowhere else stays."""
    found = []
    for cell in sorted(cells):
        lasts = now - cell.newest
        if cell.busy or lasts <= ROLE:
            continue
        why = f"of the job {cell.job}, whose certificate is there, was last written to {_for(lasts)} ago"
        if cell.lost:
            why += (
                f"; {cell.lost} results that the certificate names are in it, and not in the store"
            )
        found.append(Leftover("cell", cell.name, why, ends=not cell.lost))
    return found


def judge_logs(logs: Iterable[LogsSeen], now: float) -> list[Leftover]:
    """Return logs of jobs whose runs have theirs in the store, and those that are empty by now.

    Where a run has none there, what its worker wrote is all that there is, until it is dropped.
    """
    found = []
    for seen in sorted(logs):
        lasts = now - seen.newest
        if seen.busy or lasts <= ROLE or not (seen.home or lasts > EMPTY):
            continue
        kept = (
            "the store has the logs of its runs" if seen.home else "its log group has dropped them"
        )
        why = f"of the job {seen.job}, whose certificate is there, end {_for(lasts)} ago; {kept}"
        found.append(Leftover("logs", seen.name, why))
    return found


def _for(seconds: float) -> str:
    whole = int(seconds)
    return format_duration(whole - whole % _MINUTE if whole >= _MINUTE else whole)
