"""Write the record of a job that has ended, from the records of its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from neurocaas_ci.executors.attempts import attempts_key, instance_of, read_attempts
from neurocaas_ci.model.digest import Sha256, sha256_bytes
from neurocaas_ci.model.money import dollars
from neurocaas_ci.model.run import RunRecord, RunStatus
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.pending import Merged
from neurocaas_ci.run.removal import ask_removal
from neurocaas_ci.run.resolve import ResolvedJob
from neurocaas_ci.stores.interface import StateStore


class Ended(NamedTuple):
    """A job has a record: its status, and a message for people."""

    status: RunStatus
    message: str


def finish(
    home: Home, resolved: ResolvedJob, ended: Mapping[str, RunRecord], facts: dict[str, Any]
) -> Ended:
    """Write the record of a job of which every run has one; one that says the same stays."""
    state = home.state
    ordered = [ended[spec.run] for spec in resolved.specs]
    status: RunStatus = "succeeded"
    failed = [r for r in ordered if r.status in {"failed", "skipped"}]
    if failed:
        status = "failed"
    elif any(r.status == "cancelled" for r in ordered):
        status = "cancelled"
    message = f"{failed[0].run}: {failed[0].message}" if failed else ""
    rows: list[tuple[str, RunStatus, Sha256]] = []
    for record in ordered:
        document = state.read(records.record_key(record.job, record.run)) or b""
        rows.append((record.run, record.status, sha256_bytes(document)))
    if status == "succeeded":
        ask_removal(state, resolved.job)
    prices = {step: dollars(price) for step, price in resolved.prices.items()}
    costs, instances = _attempts(state, resolved.job.id, ordered, prices)
    with state.claim(records.job_key(resolved.job.id), wait=True) as claim:
        if state.read(records.job_key(resolved.job.id)) is None or _stale(home, resolved, rows):
            plan = records.plan_facts(resolved.plan)
            document = records.encode_job(
                records.JobRecord(
                    job=resolved.job.id,
                    status=status,
                    plan=plan,
                    runs=tuple(rows),
                    wall_s=sum(r.usage.wall_s for r in ordered),
                    cpu_s=sum(r.usage.cpu_s for r in ordered),
                    cost_usd=round(sum(costs.values()), 6),
                    prices=prices,
                    costs={run: round(cost, 6) for run, cost in costs.items()},
                    instances=instances,
                    # What an engine chose counts, not the machine that waited for it.
                    host=next((dict(r.machine) for r in ordered if r.machine), facts),
                    started=min(r.started for r in ordered),
                    ended=max(r.ended for r in ordered),
                    message=message,
                )
            )
            key = records.job_key(resolved.job.id)
            state.write(key, document, claim=claim, durable=True)
    _sweep(home, resolved)
    return Ended(status, message)


def _sweep(home: Home, resolved: ResolvedJob) -> None:
    """Remove the live logs that workers left which died between their record and their end."""
    job = resolved.job.id
    live = {records.log_key(job, spec.run) for spec in resolved.specs}
    for key in live.intersection(home.state.keys(f"jobs/{job}/runs")):
        home.state.erase(key)


def _attempts(
    state: StateStore, job: str, ordered: Sequence[RunRecord], prices: Mapping[str, float]
) -> tuple[dict[str, float], dict[str, Mapping[str, str]]]:
    """Return by run what each has cost (USD), and on which instance it was, where that is known.

    The cost is that of all attempts, where an executor has kept them; else it is the time that the
    workflow took, at the price of the hardware.
    """
    kept = set(state.keys(f"jobs/{job}/runs"))
    costs: dict[str, float] = {}
    instances: dict[str, Mapping[str, str]] = {}
    for record in ordered:
        costs[record.run] = record.usage.wall_s / 3600 * prices[record.step]
        if attempts_key(job, record.run) not in kept:
            continue
        document = read_attempts(state, job, record.run)
        if document is not None:
            costs[record.run] = float(document["cost_usd"])
            if (instance := instance_of(document)) is not None:
                instances[record.run] = instance
    return costs, instances


def _stale(home: Home, resolved: ResolvedJob, rows: list[tuple[str, RunStatus, Sha256]]) -> bool:
    data = home.state.read(records.job_key(resolved.job.id)) or b"{}"
    return [tuple(row) for row in records.decode_job(data)["runs"]] != rows


def finish_unstarted(home: Home, job: str, merged: Merged, reason: str) -> Ended:
    """Write the record of a job that was ended before its first run, and say why."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record = records.JobRecord(
        job=job,
        status="cancelled",
        plan={"job": job, "registry_commit": merged.commit},
        runs=(),
        wall_s=0.0,
        cpu_s=0.0,
        cost_usd=0.0,
        prices={},
        costs={},
        instances={},
        host={},
        started=now,
        ended=now,
        message=reason,
    )
    home.state.write(records.job_key(job), records.encode_job(record))
    return Ended("cancelled", reason)
