"""Usage as tables for people or as one JSON document; I/O is not handled here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from neurocaas_ci.model.money import dollars
from neurocaas_ci.model.usage import MICROSECONDS_PER_HOUR, Tally, UsageReport, UsageScope
from neurocaas_ci.report.plain import printable, width

SCHEMA = "neurocaas/usage/v1"
_NOBODY = "no finished jobs yet: a job counts from when its certificate is on main"
_NO_SUCH = "no finished jobs of this kind"
_MUCH = 100_000_000
_DECIMALS = ((10_000, 0), (100, 1), (10, 2), (0.1, 3))


def as_text(report: UsageReport, scope: UsageScope) -> str:
    """Return the three tables, and before them all jobs in one line."""
    if not report.total.jobs:
        nothing = f"{_NO_SUCH} ({printable(scope.filters)})" if scope.filters else _NOBODY
        return "".join(f"{line}\n" for line in (nothing, *_gap(scope)))
    lines = [*_heading(report, scope), "", *_parallelism(report), "", *_months(report), ""]
    lines += _analyses(report)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def as_json(report: UsageReport, scope: UsageScope) -> str:
    """Return all sums under a schema id; seconds and US dollars, shares of 1."""
    total = report.total
    document = {
        "schema": SCHEMA,
        "verified": False,
        "commit": scope.commit,
        "selected": {
            "since": scope.since,
            "until": scope.until,
            "user": scope.user,
            "analysis": scope.analysis,
        },
        "total": {"users": report.users, **_sums(total)},
        "parallelism": [
            {
                "datasets_min": row.least,
                "datasets_max": row.most,
                "jobs_share": _share(row.tally.jobs, total.jobs),
                "compute_share": _share(row.tally.compute, total.compute),
                **_sums(row.tally),
            }
            for row in report.parallelism
        ],
        "months": [
            {"month": row.month, "users": row.users, "new_users": row.new_users, **_sums(row.tally)}
            for row in report.months
        ],
        "analyses": [
            {
                "analysis": row.name,
                "users": row.users,
                "versions": dict(row.versions),
                **_sums(row.tally),
            }
            for row in report.analyses
        ],
        "unreadable": {
            "count": scope.unreadable_count,
            "first": [{"path": path, "reason": reason} for path, reason in scope.unreadable],
        },
    }
    return json.dumps(document, indent=2) + "\n"


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: `1 job`, `1,200 jobs`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def hours(amounts: Sequence[int]) -> list[str]:
    """Return microseconds as hours, all with as many decimals as the largest one needs."""
    values = [amount / MICROSECONDS_PER_HOUR for amount in amounts]
    largest = max(values, default=0.0)
    digits = next((d for bar, d in _DECIMALS if largest >= bar), 5)
    return [f"{value:,.{digits}f}" for value in values]


def period(report: UsageReport) -> str:
    """Return the months of a report's jobs, of which there is at least one."""
    first, last = report.months[0].month, report.months[-1].month
    return first if first == last else f"{first} to {last}"


def _sums(tally: Tally) -> dict[str, Any]:
    return {
        "jobs": tally.jobs,
        "failed": tally.failed,
        "cancelled": tally.cancelled,
        "local": tally.local,
        "datasets": tally.datasets,
        "runs": tally.runs,
        "compute_s": tally.compute / 1e6,
        "cpu_s": tally.cpu / 1e6,
        "cost_usd": dollars(tally.cost),
    }


def _heading(report: UsageReport, scope: UsageScope) -> Iterator[str]:
    total = report.total
    yield f"Usage, {period(report)}, from the certificates at {scope.commit[:12]} (signatures not verified)"
    if scope.filters:
        yield f"Only: {printable(scope.filters)}"
    yield (
        f"{counted(total.jobs, 'job')} ({total.failed:,} failed, {total.cancelled:,} cancelled) of "
        f"{counted(report.users, 'user')} with {counted(total.datasets, 'dataset')} in "
        f"{counted(total.runs, 'run')}: {hours([total.compute])[0]} compute hours, "
        f"{hours([total.cpu])[0]} CPU hours, {money([total.cost])[0]} USD"
    )
    yield f"Ran locally: {total.local:,}; in workflows of a forge: {total.jobs - total.local:,}"
    yield from _gap(scope)


def _gap(scope: UsageScope) -> Iterator[str]:
    if scope.unreadable_count:
        noun = counted(scope.unreadable_count, "certificate")
        yield f"NOT COUNTED: {noun} that could not be read"


def _parallelism(report: UsageReport) -> list[str]:
    total = report.total
    used = max(n for n, row in enumerate(report.parallelism, 1) if row.tally.jobs)
    rows = report.parallelism[:used]
    tallies = [row.tally for row in rows]
    return _table(
        ("DATASETS PER JOB", "JOBS", "%", "RUNS", "COMPUTE h", "%", "COST USD"),
        [
            [row.label for row in rows],
            [f"{t.jobs:,}" for t in tallies],
            [percent(t.jobs, total.jobs) for t in tallies],
            [f"{t.runs:,}" for t in tallies],
            hours([t.compute for t in tallies]),
            [percent(t.compute, total.compute) for t in tallies],
            money([t.cost for t in tallies]),
        ],
    )


def _months(report: UsageReport) -> list[str]:
    tallies = [row.tally for row in report.months]
    return _table(
        ("MONTH", "USERS", "NEW", "JOBS", "COMPUTE h", "COST USD"),
        [
            [row.month for row in report.months],
            [f"{row.users:,}" for row in report.months],
            [f"{row.new_users:,}" for row in report.months],
            [f"{t.jobs:,}" for t in tallies],
            hours([t.compute for t in tallies]),
            money([t.cost for t in tallies]),
        ],
    )


def _analyses(report: UsageReport) -> list[str]:
    tallies = [row.tally for row in report.analyses]
    return _table(
        ("ANALYSIS", "VERSIONS", "USERS", "JOBS", "FAILED", "COMPUTE h", "COST USD"),
        [
            [printable(row.name) for row in report.analyses],
            [f"{len(row.versions):,}" for row in report.analyses],
            [f"{row.users:,}" for row in report.analyses],
            [f"{t.jobs:,}" for t in tallies],
            [f"{t.failed:,}" for t in tallies],
            hours([t.compute for t in tallies]),
            money([t.cost for t in tallies]),
        ],
    )


def _table(titles: Sequence[str], columns: Sequence[Sequence[str]]) -> list[str]:
    """Return lines with the first column to the left and numbers to the right."""
    widths = [
        max(width(cell) for cell in (title, *cells))
        for title, cells in zip(titles, columns, strict=True)
    ]
    return [
        "  ".join(
            cell + " " * (w - width(cell)) if n == 0 else " " * (w - width(cell)) + cell
            for n, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in (titles, *zip(*columns, strict=True))
    ]


def money(amounts: Sequence[int]) -> list[str]:
    """Return microdollars as dollars: to the cent, and exactly where all of them are small."""
    exact = next(d for d in range(2, 7) if all(amount % 10 ** (6 - d) == 0 for amount in amounts))
    digits = 2 if max(amounts) >= _MUCH else exact
    return [f"{dollars(amount):,.{digits}f}" for amount in amounts]


def percent(part: int, whole: int) -> str:
    """Return a share in percent, or a dash where there is nothing to share."""
    return f"{100 * part / whole:.1f}" if whole else "-"


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
