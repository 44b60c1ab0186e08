"""The page about usage: the sums of `neurocaas usage` as numbers, tables and bars; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from neurocaas_ci.model.usage import Tally
from neurocaas_ci.report.usage import counted, hours, money, percent, period
from neurocaas_ci.site.analyses import analysis_path
from neurocaas_ci.site.facts import Site
from neurocaas_ci.site.frame import bar, note, page, section, table, tiles
from neurocaas_ci.site.markup import Content, Markup, el, join

_T = TypeVar("_T")
_TITLE, _PATH = "Usage", "usage.html"


def usage_page(site: Site) -> bytes:
    """Return the page with what jobs used."""
    report, scope = site.usage, site.scope
    gap = (
        note(f"{counted(scope.unreadable_count, 'certificate')} could not be read and are not counted.")
        if scope.unreadable_count
        else None
    )  # fmt: skip
    if not report.total.jobs:
        nothing = el("p", "No job has a certificate yet.", class_="soft")
        return page(site, _PATH, _TITLE, nothing, gap)
    total = report.total
    return page(
        site,
        _PATH,
        _TITLE,
        el("p", f"What the certificates of {period(report)} say that jobs used; ", el("code", "neurocaas usage"), " prints the same."),
        gap,
        tiles(
            (
                (f"{total.jobs:,}", f"jobs, {total.failed:,} failed"),
                (f"{report.users:,}", "users"),
                (f"{total.datasets:,}", "datasets"),
                (hours([total.compute])[0], "compute hours"),
                (f"{money([total.cost])[0]}", "US dollars"),
            )
        ),
        section(
            "By number of datasets",
            el("p", "How many datasets a job analyses at once, and which share of jobs and of compute time that is."),
            _parallelism(site),
        ),
        section("By month", _months(site)),
        section("By analysis", _analyses(site)),
    )  # fmt: skip


def _parallelism(site: Site) -> Markup:
    total = site.usage.total
    rows = [row for row in site.usage.parallelism if row.tally.jobs]
    return table(
        ("Datasets", "Jobs", "Share", "", "Compute h", "Share", ""),
        [
            (
                row.label,
                f"{row.tally.jobs:,}",
                f"{percent(row.tally.jobs, total.jobs)} %",
                bar(row.tally.jobs, total.jobs, "all jobs"),
                compute,
                f"{percent(row.tally.compute, total.compute)} %",
                bar(row.tally.compute, total.compute, "all compute hours"),
            )
            for row, compute in _with_hours(rows, [row.tally for row in rows])
        ],
        numbers=(1, 2, 4, 5),
    )


def _months(site: Site) -> Markup:
    rows = list(reversed(site.usage.months))
    costs = money([row.tally.cost for row in rows])
    most = max(row.tally.compute for row in rows)
    return table(
        ("Month", "Users", "New", "Jobs", "Compute h", "", "USD"),
        [
            (
                row.month, f"{row.users:,}", f"{row.new_users:,}", f"{row.tally.jobs:,}", compute,
                bar(row.tally.compute, most, "the busiest month"), cost,
            )
            for (row, compute), cost in zip(
                _with_hours(rows, [row.tally for row in rows]), costs, strict=True
            )
        ],
        numbers=(1, 2, 3, 4, 6),
    )  # fmt: skip


def _analyses(site: Site) -> Markup:
    known = {one.blueprint.name for one in site.analyses}
    rows = site.usage.analyses
    costs = money([row.tally.cost for row in rows])
    total = site.usage.total.compute

    def named(name: str) -> Content:
        return el("a", name, href=analysis_path(name)) if name in known else name

    return join(
        table(
            ("Analysis", "Users", "Jobs", "Failed", "Compute h", "", "USD"),
            [
                (
                    named(row.name), f"{row.users:,}", f"{row.tally.jobs:,}", f"{row.tally.failed:,}",
                    compute, bar(row.tally.compute, total, "all compute hours"), cost,
                )
                for (row, compute), cost in zip(
                    _with_hours(rows, [row.tally for row in rows]), costs, strict=True
                )
            ],
            numbers=(1, 2, 3, 4, 6),
        )
    )  # fmt: skip


def _with_hours(rows: Sequence[_T], tallies: Sequence[Tally]) -> Iterable[tuple[_T, str]]:
    return zip(rows, hours([tally.compute for tally in tallies]), strict=True)
