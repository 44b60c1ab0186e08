"""Draw what one looks at first: where the components are, what they do, and whether they stay home."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from locanmf.outputs import Components
from locanmf.recording import Recording

_INK, _SOFT = "#22262b", "#8a929c"
_SHOWN = 24
_WINDOW = 500
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
}


def draw(path: Path, data: Recording, found: Components, metrics: Mapping[str, Any]) -> None:
    """Write a PNG of 1600 x 1000 pixels; the same results give the same bytes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 10), dpi=100)
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(
            2, 2, left=0.05, right=0.975, top=0.87, bottom=0.075, wspace=0.22, hspace=0.28,
            width_ratios=(1.0, 1.25),
        )  # fmt: skip
        colours = mpl.colormaps["tab20"](np.arange(len(found.images)) % 20)[:, :3]
        _map(figure.add_subplot(grid[0, 0]), data, found, colours)
        _home(figure.add_subplot(grid[1, 0]), found, colours)
        _courses(figure.add_subplot(grid[:, 1]), data, found, colours)
        headline = (
            f"{metrics['components']} components in {len(data.labels)} regions explain "
            f"{100 * metrics['r2']:.1f} % of the movie"
        )
        subline = (
            f"{metrics['height']} x {metrics['width']} pixels, {metrics['frames']} frames; the least "
            f"localized has {100 * metrics['localization_minimum']:.0f} % of its power in its region"
        )
        figure.text(0.05, 0.955, headline, fontsize=18, fontweight="bold")
        figure.text(0.05, 0.926, subline, fontsize=12, color=_SOFT)
        figure.savefig(path, metadata={"Software": None})


def _map(axes: Axes, data: Recording, found: Components, colours: Any) -> None:
    strongest = found.images.argmax(axis=0)
    depth = found.images.max(axis=0)[:, :, None]
    axes.imshow(1 - depth * (1 - colours[strongest]), interpolation="nearest")
    for label in data.labels:
        axes.contour(data.atlas == label, levels=[0.5], colors=[_SOFT], linewidths=0.8)
    axes.set_title("Images, in the colour of the strongest")
    axes.set_axis_off()


def _home(axes: Axes, found: Components, colours: Any) -> None:
    numbers = np.arange(1, len(found.images) + 1)
    axes.bar(numbers, 100 * found.localization, color=colours, width=0.8)
    axes.set_xlim(0.2, len(numbers) + 0.8)
    axes.set_ylim(0, 100)
    axes.set_title("How much of it is in its region")
    axes.set_xlabel("component")
    axes.set_ylabel("%")


def _courses(axes: Axes, data: Recording, found: Components, colours: Any) -> None:
    shown, frames = min(_SHOWN, len(found.images)), min(_WINDOW, data.courses.shape[1])
    rate = data.sampling_rate
    time = np.arange(frames) / (rate or 1.0)
    for row in range(shown):
        course = found.courses[row, :frames] - found.courses[row].mean()
        scale = 2.2 * (np.abs(course).max() or 1.0)
        axes.plot(time, course / scale - row, color=colours[row], linewidth=1.1)
    names = dict(zip(data.labels, data.names, strict=True))
    axes.set_yticks(
        -np.arange(shown),
        [f"{names[int(found.regions[row])][:18]}  {row + 1}" for row in range(shown)],
        fontsize=10,
    )
    axes.set_xlim(0, time[-1])
    axes.margins(y=0.01)
    more = f" (the first {shown} of {len(found.images)})" if len(found.images) > shown else ""
    axes.set_title(f"Time courses, each to its own scale{more}")
    axes.set_xlabel("time (s)" if rate else "frame")
