"""Usage as a figure with three panels, in PNG; I/O is not handled here.

Only this module needs matplotlib, the extra `plot`. Equal reports give equal bytes with one version
of it: no settings of the user, no date and no version go into the figure.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from neurocaas_ci.model.usage import AnalysisRow, MonthRow, Tally, UsageReport, UsageScope
from neurocaas_ci.report.plain import printable
from neurocaas_ci.report.usage import counted, hours, period

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ANALYSES = 40

# Okabe and Ito's palette, which people with any kind of colour vision tell apart.
_JOBS, _HOURS, _NEW, _RETURNING = "#E69F00", "#0072B2", "#CC79A7", "#009E73"
_GRID = "#DDDDDD"
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    # A dollar sign in a name is a dollar sign.
    "text.parse_math": False,
}
_DPI = 200
# Inches; the width is that of two columns of a journal.
_WIDTH, _UPPER, _PER_ANALYSIS, _AROUND = 7.2, 3.1, 0.2, 0.75
_FEWEST_BARS = 2
_MOST_TICKS = 6
_LONGEST_NAME = 36
_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 240)
_YEAR = 12
_SMALL = 7


def as_png(report: UsageReport, scope: UsageScope) -> bytes:
    """Return the figure: jobs and compute hours by parallelism, monthly users, analyses."""
    analyses = _shown(report.analyses)
    lower = _AROUND + _PER_ANALYSIS * max(_FEWEST_BARS, len(analyses))
    with style.context(["default", _STYLE]):
        figure = Figure(
            figsize=(_WIDTH, _UPPER + lower + 0.5),
            dpi=_DPI,
            layout=ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06),
        )
        # Each row is laid out alone: long names of analyses must not narrow what is above them.
        (above,), (below,) = figure.subfigures(2, 1, height_ratios=[_UPPER, lower], squeeze=False)
        left, right = above.subplots(1, 2, width_ratios=[1.25, 1])
        wide = below.subplots()
        figure.suptitle(_title(report, scope), fontsize=10)
        figure.supxlabel(
            f"certificates at {scope.commit[:12]}, signatures not verified{_gap(scope)}",
            fontsize=6,
            color="#555555",
        )
        _parallelism(left, report)
        _months(right, report.months)
        _analyses(wide, analyses)
        if not report.total.jobs:
            for axes in (left, right, wide):
                _nothing(axes)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", metadata={"Software": None})
        return stream.getvalue()


def _title(report: UsageReport, scope: UsageScope) -> str:
    selected = f"\n({printable(scope.filters)})" if scope.filters else ""
    if not report.total.jobs:
        return f"No finished jobs{selected}"
    total = report.total
    return (
        f"{period(report)}: {counted(total.jobs, 'job')} of {counted(report.users, 'user')}, "
        f"{hours([total.compute])[0]} compute hours{selected}"
    )


def _gap(scope: UsageScope) -> str:
    if not scope.unreadable_count:
        return ""
    return f"; {counted(scope.unreadable_count, 'unreadable certificate')} not counted"


def _parallelism(axes: Axes, report: UsageReport) -> None:
    """Draw both shares of each class, with the absolute number over each bar."""
    rows, total = report.parallelism, report.total
    axes.set_title("a  Jobs by parallelism")
    axes.set_xlabel("Datasets per job")
    axes.set_ylabel("Share of all (%)")
    axes.set_xticks(
        range(len(rows)), [row.label.replace("-", "\N{EN DASH}") for row in rows], fontsize=_SMALL
    )
    jobs = [100 * row.tally.jobs / max(1, total.jobs) for row in rows]
    compute = [100 * row.tally.compute / max(1, total.compute) for row in rows]
    highest = max(*jobs, *compute, 1)
    # A quarter of the height is for the number over the highest bar.
    axes.set_ylim(0, highest * 1.3)
    step = next(step for bar, step in ((40, 20), (20, 10), (0, 5)) if highest >= bar)
    axes.set_yticks(range(0, int(highest) + 1, step))
    axes.grid(axis="y", color=_GRID, linewidth=0.5)
    if not total.jobs:
        return
    named = hours([row.tally.compute for row in rows])
    for offset, shares, colour, numbers, label in (
        (-0.2, jobs, _JOBS, [f"{row.tally.jobs:,}" for row in rows], "jobs"),
        (0.2, compute, _HOURS, named, "compute hours"),
    ):
        bars = axes.bar([x + offset for x in range(len(rows))], shares, 0.38, color=colour)
        bars.set_label(label)
        kept = [n if row.tally.jobs else "" for n, row in zip(numbers, rows, strict=True)]
        axes.bar_label(bars, kept, padding=2, rotation=90, fontsize=6)
    _legend(axes)


def _months(axes: Axes, rows: Sequence[MonthRow]) -> None:
    """Draw the users of each month, those with their first job apart."""
    axes.set_title("b  Monthly users")
    axes.set_xlabel("Month of the job")
    axes.set_ylabel("Users with a job")
    if not rows:
        return
    places = range(len(rows))
    new = [row.new_users for row in rows]
    returning = [row.users - row.new_users for row in rows]
    # Bars that touch make one shape of a long time.
    bar = 0.8 if len(rows) <= 3 * _YEAR else 1.0
    axes.bar(places, returning, bar, color=_RETURNING, label="returning")
    axes.bar(places, new, bar, bottom=returning, color=_NEW, label="new")
    ticks, labels = _ticks([row.month for row in rows])
    axes.set_xticks(ticks, labels, fontsize=_SMALL)
    middle, half = (len(rows) - 1) / 2, max(_MOST_TICKS, len(rows)) / 2
    axes.set_xlim(middle - half - 0.1, middle + half + 0.1)
    axes.set_ylim(0, max(row.users for row in rows) * 1.08)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, steps=[1, 2, 5, 10]))
    axes.grid(axis="y", color=_GRID, linewidth=0.5)
    _legend(axes)


def _analyses(axes: Axes, rows: Sequence[tuple[str, Tally]]) -> None:
    """Draw the hours of each analysis, the largest on top."""
    axes.set_title("c  Compute time by analysis")
    axes.set_xlabel("Compute hours (wall time of all runs)")
    axes.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize=_SMALL)
    middle, half = (len(rows) - 1) / 2, max(_FEWEST_BARS, len(rows)) / 2
    axes.set_ylim(middle + half + 0.1, middle - half - 0.1)
    if not rows:
        return
    values = [tally.hours for _, tally in rows]
    # A sixth of the width is for the numbers behind the longest bar.
    axes.set_xlim(0, (max(values) or 1) * 1.25)
    bars = axes.barh(range(len(rows)), values, 0.7, color=_HOURS)
    numbers = zip(hours([tally.compute for _, tally in rows]), rows, strict=True)
    axes.bar_label(
        bars,
        [f"{number} h, {counted(tally.jobs, 'job')}" for number, (_, tally) in numbers],
        padding=3,
        fontsize=6,
    )
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")
    axes.grid(axis="x", color=_GRID, linewidth=0.5)


def _shown(rows: Sequence[AnalysisRow]) -> list[tuple[str, Tally]]:
    """Return the analyses that have room, and what is left of them as one."""
    every = [(_short(printable(row.name)), row.tally) for row in rows]
    if len(every) <= MOST_ANALYSES:
        return every
    rest = [tally for _, tally in every[MOST_ANALYSES - 1 :]]
    sums = Tally(*(sum(amounts) for amounts in zip(*rest, strict=True)))
    return [*every[: MOST_ANALYSES - 1], (f"{len(rest):,} others together", sums)]


def _short(name: str) -> str:
    if len(name) <= _LONGEST_NAME:
        return name
    half = _LONGEST_NAME // 2
    return f"{name[: half - 1]}…{name[-half:]}"


def _ticks(months: Sequence[str]) -> tuple[list[int], list[str]]:
    """Return places and labels of a few months; of years, where there are many."""
    step = next(s for s in _STEPS if len(months) <= s * _MOST_TICKS)
    # Counted from year 0, so that steps of a year and more fall on its January.
    numbers = [int(month[:4]) * _YEAR + int(month[5:]) - 1 for month in months]
    places = [place for place, number in enumerate(numbers) if number % step == 0]
    cut = 4 if step >= _YEAR else 7
    return places, [months[place][:cut] for place in places]


def _legend(axes: Axes) -> None:
    """Put the legend beside the title, where no bar can reach it."""
    axes.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2, borderpad=0.2,
        columnspacing=1, handlelength=1,
    )  # fmt: skip


def _nothing(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(
        0.5, 0.5, "no finished jobs", transform=axes.transAxes, ha="center", va="center",
        color="#555555",
    )  # fmt: skip
