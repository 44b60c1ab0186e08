"""Draw what one looks at first: did the head move, where is blood, and what is left of the signal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from widefield.pipeline import Result
from widefield.recording import Array, Recording

_TRACES = 3
_WINDOW = 400
_PERCENT = 100.0
_INK, _SOFT = "#22262b", "#8a929c"
_RAW, _BLOOD, _CLEAN = "#cdd2d8", "#b0303c", "#1f5fa8"
_MARKS = ("#f2a541", "#4fc3a1", "#d783d0")
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 11.5,
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


def draw(path: Path, recording: Recording, result: Result, metrics: Mapping[str, Any]) -> None:
    """Write a PNG of 1600 x 1000 pixels; the same results give the same bytes."""
    shape = recording.atlas.shape
    before = _sd(result, corrected=False).reshape(shape)
    after = _sd(result, corrected=True).reshape(shape)
    chosen = _chosen(recording, after)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 10), dpi=100)
        FigureCanvasAgg(figure)
        top = figure.add_gridspec(1, 5, left=0.03, right=0.97, top=0.85, bottom=0.57, wspace=0.25)
        units = f" ({recording.units})" if recording.units else ""
        mean = figure.add_subplot(top[0])
        _image(
            figure, mean, recording, result.mean[0], f"Mean, calcium{units}", "gray", outside=True
        )
        for (row, column), colour in zip(chosen, _MARKS, strict=False):
            mean.plot(column, row, "o", markersize=9, markerfacecolor="none",
                      markeredgecolor=colour, markeredgewidth=2.2)  # fmt: skip
        most = _PERCENT * float(max(before.max(), after.max()))
        changes = ("SD of dF/F before (%)", "SD of dF/F after (%)")
        for place, image, title in zip((1, 2), (before, after), changes, strict=True):
            axes = figure.add_subplot(top[place])
            _image(figure, axes, recording, _PERCENT * image, title, "magma", (0.0, most))
        coefficient = result.corrected.coefficient.reshape(shape)
        _image(figure, figure.add_subplot(top[3]), recording, coefficient, "Violet to calcium",
               "viridis")  # fmt: skip
        share = _PERCENT * result.corrected.explained.reshape(shape)
        _image(figure, figure.add_subplot(top[4]), recording, share, "Taken out as blood (%)",
               "viridis", (0.0, 100.0))  # fmt: skip
        rows = figure.add_gridspec(
            1 + len(chosen), 1, left=0.06, right=0.97, top=0.475, bottom=0.07, hspace=0.42
        )
        frames = min(len(recording.calcium), _WINDOW)
        time = np.arange(frames) / recording.frame_rate
        _motion(figure.add_subplot(rows[0]), time, result)
        for number, (place, colour) in enumerate(zip(chosen, _MARKS, strict=False), start=1):
            axes = figure.add_subplot(rows[number])
            _trace(axes, recording, result, place, time, first=number == 1)
            axes.plot(0.006, 0.9, "o", transform=axes.transAxes, markersize=9, clip_on=False,
                      markerfacecolor="none", markeredgecolor=colour, markeredgewidth=2.2)  # fmt: skip
            axes.tick_params(labelbottom=number == len(chosen))
        figure.axes[-1].set_xlabel("time (s)")
        figure.text(0.03, 0.945, _headline(metrics), fontsize=18, fontweight="bold")
        figure.text(0.03, 0.91, _subline(metrics), fontsize=12, color=_SOFT)
        figure.savefig(path, metadata={"Software": None})


def _headline(metrics: Mapping[str, Any]) -> str:
    return (
        f"{_PERCENT * metrics['hemodynamic_share_of_power']:.0f} % of the calcium channel was blood; "
        f"{metrics['components']} components hold what is left"
    )


def _subline(metrics: Mapping[str, Any]) -> str:
    return "  ·  ".join(
        [
            f"{metrics['frames']} frames of {metrics['height']} × {metrics['width']} pixels at "
            f"{metrics['frame_rate_hz']:g} Hz",
            f"motion {metrics['shift_rms_px']:.2f} pixels rms, {metrics['shift_largest_px']:.2f} at most",
            f"PMD: {metrics['pmd_components']} components, "
            f"{_PERCENT * metrics['pmd_share_of_variance']:.0f} % of the variance",
        ]
    )


def _sd(result: Result, *, corrected: bool) -> Array:
    """Return the standard deviation over time of every pixel (H W,), before or after correction."""
    if corrected:
        power = np.sum(result.corrected.images**2, axis=1)  # of orthonormal courses
    else:
        images = result.decomposition.U.tocsr()
        gram = result.calcium @ result.calcium.T
        power = np.asarray(images.multiply(images @ gram).sum(axis=1)).ravel()
    sd: Array = np.sqrt(np.maximum(power, 0.0) / result.calcium.shape[1])
    return sd


def _image(
    figure: Figure,
    axes: Axes,
    recording: Recording,
    image: Array,
    title: str,
    colours: str,
    limits: tuple[float, float] | None = None,
    *,
    outside: bool = False,
) -> None:
    shown = image if outside else np.where(recording.brain, image, np.nan)
    low, high = limits or (float(np.nanmin(shown)), float(np.nanmax(shown)))
    drawn = axes.imshow(shown, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    for label in np.unique(recording.atlas[recording.brain]):
        axes.contour(recording.atlas == label, levels=[0.5], colors=["white"], linewidths=0.5)
    axes.set_title(title, pad=7)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    bar = figure.colorbar(drawn, ax=axes, orientation="horizontal", fraction=0.05, pad=0.04)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.locator = MaxNLocator(nbins=4)
    bar.update_ticks()


def _chosen(recording: Recording, sd: Array) -> list[tuple[int, int]]:
    """Return the pixels with the most corrected signal, one of a region each, the strongest first."""
    left = np.where(recording.brain, sd, -1.0)
    found: list[tuple[int, int]] = []
    while len(found) < _TRACES and left.max() > 0:
        row, column = np.unravel_index(int(np.argmax(left)), left.shape)
        found.append((int(row), int(column)))
        left = np.where(recording.atlas == recording.atlas[row, column], -1.0, left)
    return found


def _motion(axes: Axes, time: Array, result: Result) -> None:
    for way, name, colour in ((0, "down", _INK), (1, "right", "#e08a1e")):
        axes.plot(time, result.shifts[: len(time), 0, way], color=colour, linewidth=1.2, label=name)
    axes.set_title("Motion of the calcium frames (pixels)", fontsize=11.5, pad=3)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.94), ncols=2, fontsize=10.5, borderpad=0)
    axes.set_xlim(time[0], time[-1])
    axes.tick_params(labelbottom=False)


def _trace(
    axes: Axes,
    recording: Recording,
    result: Result,
    place: tuple[int, int],
    time: Array,
    *,
    first: bool,
) -> None:
    row, column = place
    number = row * recording.atlas.shape[1] + column
    frames = len(time)
    images = result.decomposition.U.tocsr()[[number]]
    raw = result.raw[:frames, row, column].astype(np.float64)
    blood = result.corrected.coefficient[number] * (images @ result.violet)[0, :frames]
    clean = result.corrected.images[number] @ result.corrected.courses[:, :frames]
    axes.plot(time, _PERCENT * (raw - raw.mean()), color=_RAW, linewidth=1.0, label="as recorded")
    axes.plot(time, _PERCENT * blood, color=_BLOOD, linewidth=1.4, label="blood, from violet")
    axes.plot(time, _PERCENT * clean, color=_CLEAN, linewidth=1.7, label="corrected")
    axes.set_xlim(time[0], time[-1])
    if first:
        axes.set_title("dF/F of three pixels (%)", fontsize=11.5, pad=3)
        axes.legend(
            loc="lower right", bbox_to_anchor=(1.0, 0.94), ncols=3, fontsize=10.5, borderpad=0
        )
