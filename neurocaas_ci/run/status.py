"""What is known of a job and its runs at this moment, derived from records, claims and logs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Literal

from neurocaas_ci.executors.interface import Placement
from neurocaas_ci.model.run import RunRecord
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.pending import Merged
from neurocaas_ci.run.progress import progress_in

State = Literal["queued", "running", "interrupted", "succeeded", "failed", "cancelled", "skipped"]

_PREPARED = "being prepared"
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class RunView:
    """One run: `fraction` is live progress (0 to 1), `seconds` the wall time so far or in all."""

    run: str
    dataset: str
    state: State
    fraction: float | None = None
    message: str = ""
    seconds: float | None = None
    taken_from: str | None = None


@dataclass(frozen=True, slots=True)
class JobView:
    """One job: `position` counts the jobs before it in the queue, `age` is seconds since merge."""

    id: str
    blueprint: str
    state: State
    position: int | None
    age: float
    message: str
    runs: tuple[RunView, ...]
    cost_usd: float | None

    def count(self, *states: State) -> int:
        """Return how many runs are in one of the states."""
        return sum(run.state in states for run in self.runs)


Standing = Callable[[str], Mapping[str, Placement]]
"""Say how the runs of a job stand with an engine; empty where none has any of them."""


def no_engine(_job: str) -> Mapping[str, Placement]:
    """Say that no engine has runs of the job."""
    return {}


def view_jobs(home: Home, jobs: Sequence[Merged], standing: Standing = no_engine) -> list[JobView]:
    """Return the views of jobs that are given in queue order."""
    views: list[JobView] = []
    waiting = 0
    for merged in jobs:
        view = view_job(home, merged, waiting, standing)
        waiting += view.position is not None
        views.append(view)
    return views


def view_job(
    home: Home, merged: Merged, waiting: int = 0, standing: Standing = no_engine
) -> JobView:
    """Return what is known of one job; `waiting` jobs are before it."""
    age = time.time() - merged.time
    done = home.state.read(records.job_key(merged.id))
    plan = home.state.read(records.plan_key(merged.id))
    if plan is None:
        if done is not None:
            record = records.decode_job(done)
            return JobView(merged.id, "", "cancelled", None, age, record["message"], (), 0.0)
        return JobView(merged.id, "", "queued", waiting, age, "waits for a reconcile", (), None)
    facts = records.decode_plan(plan)
    blueprint = f"{facts['blueprint']}@{facts['version']}"
    away = {} if done is not None else standing(merged.id)
    runs = _view_runs(home, merged.id, facts["runs"], away)
    if done is not None:
        record = records.decode_job(done)
        return JobView(
            merged.id, blueprint, record["status"], None, age, record["message"], runs,
            record["cost_usd"],
        )  # fmt: skip
    state: State = (
        "running"
        if any(run.state == "running" or run.message == _PREPARED for run in runs)
        or any(placement.state != "ended" for placement in away.values())
        else "interrupted"
    )
    message = "" if state == "running" else "`neurocaas reconcile` goes on where it stopped"
    return JobView(merged.id, blueprint, state, waiting, age, message, runs, None)


def read_record(home: Home, job: str, run: str) -> RunRecord | None:
    """Return the record of a run, or None."""
    data = home.state.read(records.record_key(job, run))
    return None if data is None else records.decode_record(data)


def _view_runs(
    home: Home, job: str, runs: Sequence[tuple[str, str]], away: Mapping[str, Placement]
) -> tuple[RunView, ...]:
    def view(row: tuple[str, str]) -> RunView:
        return _view_run(home, job, *row, away.get(row[0]))

    if home.store is None:
        return tuple(view(row) for row in runs)
    from concurrent.futures import ThreadPoolExecutor

    # Each takes some requests, one after the other; of many runs at once.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return tuple(pool.map(view, runs))


def _view_run(home: Home, job: str, run: str, dataset: str, placement: Placement | None) -> RunView:
    record = read_record(home, job, run)
    if record is not None:
        message = record.message
        if record.taken_from:
            message = f"same as {record.taken_from}"
        return RunView(
            run, dataset, record.status, 1.0 if record.status == "succeeded" else None, message,
            record.usage.wall_s, record.taken_from,
        )  # fmt: skip
    held = home.state.held(records.run_key(job, run))
    if not held and placement is not None:
        return _view_away(run, dataset, placement)
    log = home.logs.open(records.log_key(job, run))
    if log is None:
        return RunView(run, dataset, "queued", message=_PREPARED if held else "")
    with log:
        if not held:
            return RunView(run, dataset, "interrupted")
        fraction, message = progress_in(log) or (None, "")
        return RunView(run, dataset, "running", fraction, message, _age(log))


def _view_away(run: str, dataset: str, placement: Placement) -> RunView:
    """Say how a run stands that an engine has and no worker has begun, or has ended."""
    state: State = "interrupted" if placement.state == "ended" else placement.state
    at = f"on {placement.machine}" if placement.machine and state == "running" else ""
    return RunView(run, dataset, state, message=at or placement.reason)


def _age(log: BinaryIO) -> float | None:
    """Return the seconds since the first line of a log, which carries its time."""
    log.seek(0)
    first = log.read(len("2026-01-01T00:00:00.000Z")).decode("ascii", "replace")
    try:
        return max(0.0, time.time() - datetime.fromisoformat(first).timestamp())
    except ValueError:
        return None
