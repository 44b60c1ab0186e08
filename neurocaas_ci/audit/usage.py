"""Certificates become facts about usage, and those become sums; I/O is not handled here.

It stands beside the certificate's reader, which is above the rooms that plan and report: those know
only the sums, in `model.usage`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from neurocaas_ci.audit.certificate import NotACertificateError
from neurocaas_ci.certify import layout
from neurocaas_ci.model.certificate import Certificate
from neurocaas_ci.model.money import microdollars
from neurocaas_ci.model.results import JOB_RECORD
from neurocaas_ci.model.run import RunStatus
from neurocaas_ci.model.usage import (
    PARALLELISM,
    AnalysisRow,
    FinishedJob,
    MonthRow,
    ParallelismRow,
    Tally,
    UsageReport,
)

_STATUSES: dict[str, RunStatus] = {status: status for status in get_args(RunStatus)}
# A table by month has a row for each: one made-up date must not stretch it over millennia.
_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
_LOCAL = layout.builder_id("local")
# Of seconds, and of dollars: more than any run can have used, and small enough to be shown.
_MOST = 1e9


def finished_job(certificate: Certificate) -> FinishedJob:
    """Return what a certificate says of usage.

    Raise NotACertificateError when it says nothing, or nothing that can be.
    """
    user, month, _ = certificate.job.split("/")
    if not _MONTH.fullmatch(month):
        raise NotACertificateError(f"the job's month {month!r} is not one of this century")
    if not certificate.datasets:
        raise NotACertificateError("it names no dataset")
    note = certificate.notes.get(JOB_RECORD, {})
    # `get` of a list would raise: what is no text cannot be a key.
    status = note.get("status")
    if not isinstance(status, str) or status not in _STATUSES:
        raise NotACertificateError(f"{JOB_RECORD} does not say how the job ended")
    runs = certificate.runs
    return FinishedJob(
        user=user,
        month=month,
        analysis=certificate.blueprint,
        version=certificate.version,
        datasets=len(certificate.datasets),
        runs=len(runs),
        status=_STATUSES[status],
        compute=sum(_millionths(note, "wall_s", run) for run, note in runs.items()),
        cpu=sum(_millionths(note, "cpu_s", run) for run, note in runs.items()),
        cost=microdollars(_amount(note, "cost_usd", JOB_RECORD)),
        local=certificate.builder == _LOCAL,
    )


def class_of(datasets: int) -> int:
    """Return which class of PARALLELISM a job of so many datasets (1 or more) belongs to."""
    return min(datasets.bit_length(), len(PARALLELISM)) - 1


def summarise(jobs: Iterable[FinishedJob], joined: Mapping[str, str]) -> UsageReport:
    """Return the sums over jobs, which are asked for once and not kept.

    `joined` says in which month each user had the first job, whichever jobs are looked at here.
    """
    total, users = [0] * len(Tally._fields), set[str]()
    parallelism: dict[int, list[int]] = {}
    months, active = dict[str, list[int]](), dict[str, set[str]]()
    analyses, clients = dict[str, list[int]](), dict[str, set[str]]()
    versions: dict[str, dict[str, int]] = {}
    for job in jobs:
        amounts = _tally(job)
        _add(total, amounts)
        _add(parallelism.setdefault(class_of(job.datasets), [0] * len(amounts)), amounts)
        _add(months.setdefault(job.month, [0] * len(amounts)), amounts)
        _add(analyses.setdefault(job.analysis, [0] * len(amounts)), amounts)
        users.add(job.user)
        active.setdefault(job.month, set()).add(job.user)
        clients.setdefault(job.analysis, set()).add(job.user)
        counts = versions.setdefault(job.analysis, {})
        counts[job.version] = counts.get(job.version, 0) + 1
    return UsageReport(
        total=Tally(*total),
        users=len(users),
        parallelism=tuple(
            ParallelismRow(least, _most(k), Tally(*parallelism.get(k, ())))
            for k, least in enumerate(PARALLELISM)
        ),
        months=tuple(
            MonthRow(
                month,
                len(active.get(month, ())),
                sum(joined.get(user) == month for user in active.get(month, ())),
                Tally(*months.get(month, ())),
            )
            for month in _every_month(months)
        ),
        analyses=tuple(
            AnalysisRow(
                name, len(clients[name]), dict(sorted(versions[name].items())), Tally(*sums)
            )
            for name, sums in sorted(
                analyses.items(), key=lambda item: (-Tally(*item[1]).compute, item[0])
            )
        ),
    )


def _tally(job: FinishedJob) -> Tally:
    return Tally(
        jobs=1,
        failed=job.status == "failed",
        cancelled=job.status == "cancelled",
        local=job.local,
        datasets=job.datasets,
        runs=job.runs,
        compute=job.compute,
        cpu=job.cpu,
        cost=job.cost,
    )


def _add(sums: list[int], amounts: Tally) -> None:
    for position, amount in enumerate(amounts):
        sums[position] += amount


def _most(number: int) -> int | None:
    return PARALLELISM[number + 1] - 1 if number + 1 < len(PARALLELISM) else None


def _every_month(found: Iterable[str]) -> list[str]:
    """Return all months from the first to the last."""
    numbers = [int(month[:4]) * 12 + int(month[5:]) - 1 for month in found]
    if not numbers:
        return []
    every = range(min(numbers), max(numbers) + 1)
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in every]


def _millionths(note: Mapping[str, Any], key: str, run: str) -> int:
    return round(_amount(note, key, run) * 1_000_000)


def _amount(note: Mapping[str, Any], key: str, where: str) -> float:
    value = note.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NotACertificateError(f"{where} has no number {key}")
    if not 0 <= value <= _MOST:
        raise NotACertificateError(f"{where} has {key} of {value:.3g}, which cannot be")
    return value
