"""Lists of jobs, by month and in pages of a bounded size; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neurocaas_ci.report.usage import counted
from neurocaas_ci.site.analyses import analysis_path
from neurocaas_ci.site.facts import JobRow, Site
from neurocaas_ci.site.frame import badge, page, section, table, tiles
from neurocaas_ci.site.markup import Content, Markup, el

_NEWEST = 50
_PER_PAGE = 500
_LONG = 80


def job_path(job: str) -> str:
    """Return where the page of a job lies."""
    return f"jobs/{job}.html"


def job_pages(site: Site) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of the overview, and of the lists of all months."""
    months: dict[str, list[JobRow]] = {}
    for row in site.jobs:
        months.setdefault(row.month, []).append(row)
    yield "jobs.html", _overview(site, months)
    for month, rows in months.items():
        parts = [rows[start : start + _PER_PAGE] for start in range(0, len(rows), _PER_PAGE)]
        for number, part in enumerate(parts, 1):
            path = month_path(month, number)
            where = f", page {number} of {len(parts)}" if len(parts) > 1 else ""
            yield path, page(
                site, path, f"Jobs of {month}{where}", job_table(part, "../"),
                _turn(month, number, len(parts)),
            )  # fmt: skip


def month_path(month: str, number: int = 1) -> str:
    """Return where the list of a month's jobs lies."""
    return f"months/{month}{f'-{number}' if number > 1 else ''}.html"


def job_table(rows: Sequence[JobRow], up: str) -> Markup:
    """Return jobs as a table; `up` leads from its page to the first one."""
    return table(
        ("Job", "State", "Analysis", "Datasets", "Merged", "Cost", "Replays"),
        [
            (
                el("a", row.id, href=up + job_path(row.id)),
                badge(row),
                _analysis(row, up),
                f"{row.datasets:,}",
                row.merged,
                "-" if row.cost is None else f"{row.cost:,.2f} USD",
                verdicts(row),
            )
            for row in rows
        ],
        numbers=(3, 5),
    )


def verdicts(row: JobRow) -> Content:
    """Return what replays of a job found, with how often."""
    return [
        [el("span", f"{count} {verdict}", class_=f"badge {verdict}"), " "]
        for verdict, count in row.verdicts
    ]


def _analysis(row: JobRow, up: str) -> Content:
    # A version may also be a commit.
    shown = row.reference if len(row.reference) <= _LONG else f"{row.reference[:_LONG]}…"
    return el("a", shown, href=up + analysis_path(row.analysis)) if row.known else shown


def _overview(site: Site, months: dict[str, list[JobRow]]) -> bytes:
    rows = [
        (
            el("a", month, href=month_path(month)),
            f"{len(rows):,}",
            *(f"{sum(row.state == state for row in rows):,}" for state in ("certified", "failed", "waiting")),
        )
        for month, rows in sorted(months.items(), reverse=True)
    ]  # fmt: skip
    unreadable = site.count("unreadable")
    return page(
        site,
        "jobs.html",
        "Jobs",
        el(
            "p",
            "A job is ", el("strong", "certified"), " when it succeeded and its certificate is on main, ",
            el("strong", "failed"), " when it did not and is certified so, and ",
            el("strong", "waiting"), " from when it is merged until then.",
        ),
        tiles(
            [
                (f"{site.count('certified'):,}", "certified"),
                (f"{site.count('waiting'):,}", "waiting"),
                (f"{site.count('failed'):,}", "failed"),
                (f"{site.count('cancelled'):,}", "cancelled"),
                *([(f"{unreadable:,}", "unreadable")] if unreadable else []),
            ]
        ),
        section(f"The newest {min(_NEWEST, len(site.jobs))}", job_table(site.jobs[:_NEWEST], ""))
        if site.jobs
        else el("p", f"{counted(0, 'job')}: none has been merged yet.", class_="soft"),
        section("By month", table(("Month", "Jobs", "Certified", "Failed", "Waiting"), rows, numbers=(1, 2, 3, 4)))
        if rows
        else None,
    )  # fmt: skip


def _turn(month: str, number: int, last: int) -> Content:
    if last == 1:
        return None
    near = [(number - 1, "Newer jobs"), (number + 1, "Older jobs")]
    links = [
        [el("a", word, href=f"../{month_path(month, there)}"), " "]
        for there, word in near
        if 1 <= there <= last
    ]
    return el("p", links)
