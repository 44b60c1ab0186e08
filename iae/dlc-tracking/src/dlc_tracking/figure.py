"""Draw what one looks at first: when the animal froze, where, and whether the threshold parts the speeds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from dlc_tracking.analysis import Freezing
from dlc_tracking.bouts import runs
from dlc_tracking.motion import median, without_jumps
from dlc_tracking.settings import Settings
from dlc_tracking.tracks import Array

_INK, _SOFT, _LINE, _COLD, _WARM = "#22262b", "#8a929c", "#6d7681", "#1f5fa8", "#c8501e"
_MOST_POINTS = 20_000
_LONGEST_IN_SECONDS = 600.0
_MINUTE = 60.0
_SLOWEST = 1e-3
_PLAIN = FuncFormatter(lambda value, _: f"{value:g}")
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": _INK,
    "axes.edgecolor": _SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
}


def draw(path: Path, settings: Settings, result: Freezing, metrics: Mapping[str, Any]) -> None:
    """Write a PNG of 1600 x 1000 pixels; the same results give the same bytes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 10), dpi=100)
        FigureCanvasAgg(figure)
        top = figure.add_gridspec(1, 1, left=0.065, right=0.975, top=0.83, bottom=0.545)
        low = figure.add_gridspec(
            1, 3, left=0.065, right=0.975, top=0.42, bottom=0.075, wspace=0.24,
            width_ratios=(1.1, 1.0, 1.0),
        )  # fmt: skip
        _time(figure, figure.add_subplot(top[0]), settings, result)
        _place(figure.add_subplot(low[0]), result)
        _speeds(figure.add_subplot(low[1]), settings, result)
        _durations(figure.add_subplot(low[2]), settings, result)
        figure.text(0.065, 0.955, _headline(metrics), fontsize=18, fontweight="bold")
        figure.text(0.065, 0.926, _subline(metrics), fontsize=12, color=_SOFT)
        figure.savefig(path, metadata={"Software": None})


def _headline(metrics: Mapping[str, Any]) -> str:
    found = metrics["freezing"]
    if not found["bouts"]:
        return f"No freezing in {metrics['duration_s']:.0f} s"
    count = f"{found['bouts']} bout{'s' if found['bouts'] > 1 else ''}"
    return (
        f"Freezing {100 * found['fraction_of_tracked']:.0f} % of the tracked time, in {count}; "
        f"the first after {found['latency_s']:.1f} s"
    )


def _subline(metrics: Mapping[str, Any]) -> str:
    axis = metrics["body_axis"]
    measured = f"{axis[0]} to {axis[1]}" if axis else "given"
    return (
        f"{metrics['frames']} frames at {metrics['frame_rate_hz']:g} Hz, "
        f"{len(metrics['body_parts'])} body parts, body length {metrics['body_length']:.4g} "
        f"({measured}), animal tracked {100 * metrics['tracked_fraction']:.1f} % of the time"
    )


def _time(figure: Figure, axes: Axes, settings: Settings, result: Freezing) -> None:
    rate, frames = settings.frame_rate, len(result.speed)
    unit, label = (1.0, "s") if frames / rate <= _LONGEST_IN_SECONDS else (_MINUTE, "min")
    for number, bout in enumerate(result.bouts):
        onset, offset = bout.seconds(rate)
        axes.axvspan(onset / unit, offset / unit, color=_COLD, alpha=0.22, linewidth=0,
                     label="" if number else "freezing")  # fmt: skip
    for number, gap in enumerate(runs(np.isnan(result.speed))):
        onset, offset = gap.seconds(rate)
        axes.axvspan(onset / unit, offset / unit, facecolor="none", edgecolor=_SOFT, hatch="////",
                     linewidth=0, label="" if number else "not tracked")  # fmt: skip
    step = max(1, -(-frames // _MOST_POINTS))
    time = (np.arange(frames) + 0.5)[::step] / rate / unit
    speed = np.maximum(result.speed[::step], _SLOWEST)
    axes.plot(time, speed, color=_INK, linewidth=0.9, label="speed of the body")
    axes.axhline(settings.speed_threshold, color=_COLD, linewidth=1.4,
                 label=f"freezes below {settings.speed_threshold:g}")  # fmt: skip
    axes.axhline(settings.leave_threshold, color=_WARM, linewidth=1.4, linestyle="--",
                 label=f"moves above {settings.leave_threshold:g}")  # fmt: skip
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(_PLAIN)
    axes.set_xlim(0, frames / rate / unit)
    axes.set_xlabel(f"time ({label})")
    axes.set_ylabel("body lengths / s")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper left", bbox_to_anchor=(0.058, 0.895), ncols=5,
                  columnspacing=1.5, handlelength=1.6, borderpad=0, fontsize=11.5)  # fmt: skip


def _place(axes: Axes, result: Freezing) -> None:
    centre = median(np.moveaxis(result.xy, 1, 2))
    # A part that is lost for a frame shifts the median of the others; that is no path.
    centre = without_jumps(centre[:, None])[:, 0]
    centre[np.isnan(result.speed)] = np.nan
    step = max(1, -(-len(centre) // _MOST_POINTS))
    axes.plot(centre[::step, 0], centre[::step, 1], color=_LINE, linewidth=0.7, alpha=0.7)
    spots = np.array([_spot(centre[b.first : b.last + 1]) for b in result.bouts]).reshape(-1, 2)
    sizes = np.array([bout.frames for bout in result.bouts], dtype=float)
    if len(sizes):
        axes.scatter(spots[:, 0], spots[:, 1], s=420 * sizes / sizes.max() + 20, color=_COLD,
                     alpha=0.45, linewidth=0, zorder=3)  # fmt: skip
        if len(sizes) <= 40:  # noqa: PLR2004 - more numbers cannot be read
            for number, (x, y) in enumerate(spots, 1):
                axes.annotate(str(number), (x, y), ha="center", va="center", fontsize=9, zorder=4)
    axes.set_aspect("equal", adjustable="datalim")
    axes.invert_yaxis()  # as in the video
    axes.set_title("Where (area: how long)" if len(sizes) else "Where it went")
    axes.set_xlabel("x (pixels)")
    axes.set_ylabel("y (pixels)")


def _spot(centre: Array) -> Array:
    return median(centre.T)


def _speeds(axes: Axes, settings: Settings, result: Freezing) -> None:
    known = ~np.isnan(result.speed)
    logs = np.log10(np.maximum(result.speed, _SLOWEST), where=known, out=np.zeros(len(known)))
    low, high = float(logs[known].min()), float(logs[known].max())
    edges = np.linspace(low, max(high, low + 0.1), 51)
    for flags, colour, name in (
        (known & ~result.freezing, _LINE, "otherwise"),
        (result.freezing, _COLD, "freezing"),
    ):
        counts = np.histogram(logs[flags], edges)[0] / settings.frame_rate
        axes.stairs(counts, 10**edges, color=colour, fill=True, alpha=0.55, label=name)
    axes.axvline(settings.speed_threshold, color=_COLD, linewidth=1.4)
    axes.axvline(settings.leave_threshold, color=_WARM, linewidth=1.4, linestyle="--")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(_PLAIN)
    axes.set_title("Do the thresholds part the speeds?")
    axes.set_xlabel("body lengths / s")
    axes.set_ylabel("time (s)")
    axes.legend(loc="upper left", fontsize=11, handlelength=1.2)


def _durations(axes: Axes, settings: Settings, result: Freezing) -> None:
    axes.set_title("How long")
    if not result.bouts:
        axes.set_axis_off()
        axes.text(0.0, 0.5, "no bout was found", transform=axes.transAxes, color=_SOFT)
        return
    durations = np.array([bout.frames / settings.frame_rate for bout in result.bouts])
    axes.bar(np.arange(1, len(durations) + 1), durations, color=_COLD, alpha=0.55, width=0.75)
    axes.axhline(settings.minimum_duration, color=_SOFT, linewidth=1.2, linestyle=":")
    axes.annotate(f"shortest that counts: {settings.minimum_duration:g} s", (1, 1), (0, -6),
                  xycoords="axes fraction", textcoords="offset points", ha="right", va="top",
                  fontsize=11, color=_SOFT)  # fmt: skip
    axes.set_xlim(0.3, len(durations) + 0.7)
    axes.margins(y=0.14)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("bout")
    axes.set_ylabel("s")
