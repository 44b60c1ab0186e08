"""Draw what one looks at first: where activity is, how it looks denoised, and what is left over."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from pmd.decomposition import Decomposition
from pmd.movie import Movie
from pmd.noise import Array
from pmd.summary import Summary

_TRACES = 4
_WINDOW = 400
_INK, _SOFT, _LINE = "#22262b", "#8a929c", "#1f5fa8"
_COLOURS = ("#c8501e", "#2a8f6d", "#8a4fa3", "#1f5fa8")
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


def draw(
    path: Path,
    movie: Movie,
    rate: float | None,
    result: Decomposition,
    summary: Summary,
    metrics: Mapping[str, Any],
) -> None:
    """Write a PNG of 1600 x 1000 pixels; the same results give the same bytes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 10), dpi=100)
        FigureCanvasAgg(figure)
        top = figure.add_gridspec(1, 5, left=0.03, right=0.97, top=0.84, bottom=0.55, wspace=0.28)
        units = f" ({movie.units})" if movie.units else ""
        chosen = _chosen(result)
        mean = figure.add_subplot(top[0])
        _image(figure, mean, result.mean, f"Mean{units}", "gray")
        for (row, column), colour in zip(chosen, _COLOURS, strict=False):
            mean.plot(column, row, "o", markersize=9, markerfacecolor="none",
                      markeredgecolor=colour, markeredgewidth=2)  # fmt: skip
        _ranks(figure, figure.add_subplot(top[1]), result)
        largest = max(float(summary.denoised.max()), 0.1)
        titles = ("Correlation, raw", "Correlation, denoised", "Correlation, residual")
        images = (summary.raw, summary.denoised, summary.residual)
        for column, (title, image) in enumerate(zip(titles, images, strict=True), start=2):
            _image(figure, figure.add_subplot(top[column]), image, title, "magma", (0.0, largest))
        bottom = figure.add_gridspec(
            max(len(chosen), 1), 1, left=0.06, right=0.97, top=0.46, bottom=0.07, hspace=0.28
        )
        window = _window(result)
        time = np.arange(window.start, window.stop) / (rate or 1.0)
        for number, ((row, column), colour) in enumerate(zip(chosen, _COLOURS, strict=False)):
            axes = figure.add_subplot(bottom[number])
            last = number == len(chosen) - 1
            if number == 0:
                axes.set_title("raw in grey, denoised in colour", fontsize=10.5, pad=2, loc="right",
                               fontweight="normal", color=_SOFT)  # fmt: skip
            _trace(axes, movie, result, (row, column), colour, window, time)
            axes.tick_params(labelbottom=last)
            if last:
                axes.set_xlabel("time (s)" if rate else "frame")
        if not chosen:
            figure.text(0.06, 0.3, "No block holds a component that is smoother than noise.",
                        fontsize=14, color=_SOFT)  # fmt: skip
        figure.text(0.03, 0.945, _headline(metrics), fontsize=18, fontweight="bold")
        figure.text(0.03, 0.91, _subline(metrics), fontsize=12, color=_SOFT)
        figure.savefig(path, metadata={"Software": None})


def _headline(metrics: Mapping[str, Any]) -> str:
    ratio = metrics["compression_ratio"]
    packed = f", {ratio:.0f} times fewer numbers" if ratio else ""
    return (
        f"Penalized matrix decomposition: {metrics['components']} components in "
        f"{metrics['blocks']} blocks{packed}"
    )


def _subline(metrics: Mapping[str, Any]) -> str:
    correlation = metrics["neighbour_correlation"]
    return "  ·  ".join(
        [
            f"{metrics['frames']} frames of {metrics['height']} × {metrics['width']} pixels",
            f"{100 * metrics['explained_variance']:.0f} % of the variance is activity, the rest noise",
            f"neighbouring pixels correlate by {correlation['raw']:.2f} raw, "
            f"{correlation['denoised']:.2f} denoised, {correlation['residual']:.2f} in what is left",
        ]
    )


def _image(
    figure: Figure,
    axes: Axes,
    image: Array,
    title: str,
    colours: str,
    limits: tuple[float, float] | None = None,
) -> None:
    low, high = limits or (float(image.min()), float(image.max()))
    shown = axes.imshow(image, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    _frame(figure, axes, shown, title)


def _frame(figure: Figure, axes: Axes, shown: Any, title: str) -> None:
    axes.set_title(title, pad=7)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    bar = figure.colorbar(shown, ax=axes, orientation="horizontal", fraction=0.05, pad=0.04)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.locator = MaxNLocator(nbins=4)
    bar.update_ticks()


def _ranks(figure: Figure, axes: Axes, result: Decomposition) -> None:
    """Show the rank of each block, weighted where blocks overlap, and one block's size."""
    height, width = result.mean.shape
    image = np.zeros((height, width))
    ranks = result.ranks.ravel()
    for block, weight in enumerate(result.tiling.weights):
        image.ravel()[result.tiling.pixels(block, width)] += ranks[block] * weight.ravel()
    _image(figure, axes, image, "Components per block", "viridis", (0.0, max(image.max(), 1.0)))
    axes.add_patch(
        Rectangle((-0.5, -0.5), result.tiling.shape[1], result.tiling.shape[0],
                  fill=False, edgecolor="white", linewidth=1.5)  # fmt: skip
    )
    axes.text(0.4, 0.6, "one block", color="white", fontsize=9.5, va="top")


def _chosen(result: Decomposition) -> list[tuple[int, int]]:
    """Return the most active pixels that are a block apart, the most active first."""
    height, width = result.mean.shape
    # In units of the noise: bright pixels are not the active ones.
    power = np.zeros(height * width)
    rows = result.U.tocsr()
    for start in range(0, height * width, width):
        power[start : start + width] = (rows[start : start + width] @ result.V).var(axis=1)
    ratio = (power / np.where(result.noise > 0, result.noise, 1.0).ravel() ** 2).reshape(
        height, width
    )
    found: list[tuple[int, int]] = []
    apart = max(result.tiling.shape) / 2
    places = np.indices((height, width))
    while len(found) < _TRACES and ratio.max() > 0:
        row, column = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
        found.append((int(row), int(column)))
        far = np.hypot(places[0] - row, places[1] - column) >= apart
        ratio = np.where(far, ratio, 0.0)
    return found


def _window(result: Decomposition) -> slice:
    """Return the stretch of at most 400 frames with the most activity, the first such."""
    frames = result.V.shape[1]
    width = min(frames, _WINDOW)
    power = np.concatenate([[0.0], np.cumsum(np.sum(result.V**2, axis=0))])
    start = int(np.argmax(power[width:] - power[:-width]))
    return slice(start, start + width)


def _trace(
    axes: Axes,
    movie: Movie,
    result: Decomposition,
    place: tuple[int, int],
    colour: str,
    window: slice,
    time: Array,
) -> None:
    row, column = place
    number = row * result.mean.shape[1] + column
    raw = movie.frames[window, row, column].astype(np.float64)
    denoised = result.mean[row, column] + (result.U.tocsr()[[number]] @ result.V)[0, window]
    axes.plot(time, raw, color="#c3c8ce", linewidth=1.0, label="raw")
    axes.plot(time, denoised, color=colour, linewidth=1.8, label="denoised")
    axes.set_xlim(time[0], time[-1])
    axes.margins(y=0.05)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
    axes.set_title(f"pixel ({row}, {column})", fontsize=11, pad=2, color=colour)
    axes.set_ylabel(movie.units or "a.u.")
