"""Draw what one looks at first: the parts in the picture, their traces, how sure they are, and the training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deepgraphpose.dataset import Array, Recording
from deepgraphpose.training import Fit, Tracks

_INK, _SOFT, _BLUE, _RED = "#22262b", "#8a929c", "#1f5fa8", "#c8501e"
_PICTURES, _SPAN, _SMOOTH, _SURE = 5, 400, 10, 0.6
_MOST_NAMED = 8
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.titlesize": 12.5,
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
    path: Path, recording: Recording, fitted: Fit, tracks: Tracks, metrics: Mapping[str, Any]
) -> None:
    """Write a PNG of 1600 x 1000 pixels; the same results give the same bytes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 10), dpi=100)
        FigureCanvasAgg(figure)
        colours = mpl.colormaps["turbo"](np.linspace(0.08, 0.92, len(recording.bodyparts)))
        top = figure.add_gridspec(
            1, _PICTURES, left=0.05, right=0.985, top=0.84, bottom=0.56, wspace=0.06
        )
        for place, frame in enumerate(_chosen(recording)):
            _picture(figure.add_subplot(top[0, place]), recording, tracks, int(frame), colours)
        low = figure.add_gridspec(
            2, 3, left=0.05, right=0.985, top=0.51, bottom=0.065, wspace=0.22, hspace=0.14,
            width_ratios=(2.2, 1, 1),
        )  # fmt: skip
        pair = [figure.add_subplot(low[row, 0]) for row in range(2)]
        _traces(pair, recording, tracks, colours)
        _sure(figure.add_subplot(low[:, 1]), recording, tracks, colours)
        _training(figure.add_subplot(low[:, 2]), fitted)
        figure.text(0.05, 0.945, _headline(metrics), fontsize=18, fontweight="bold")
        figure.text(0.05, 0.91, _subline(metrics), fontsize=12, color=_SOFT)
        figure.savefig(path, metadata={"Software": None})


def _headline(metrics: Mapping[str, Any]) -> str:
    held_out = metrics["labels"]["held_out"]
    if held_out["rmse_px"] is None:
        return f"Deep Graph Pose: {len(metrics['bodyparts'])} body parts; no label was held out"
    return (
        f"Deep Graph Pose: RMSE {held_out['rmse_px']:.2f} px in {held_out['frames']} frames "
        "that were not trained with"
    )


def _subline(metrics: Mapping[str, Any]) -> str:
    return (
        f"{metrics['frames']} frames of {metrics['width_px']} x {metrics['height_px']} px  ·  "
        f"{metrics['labels']['trained']['frames']} labelled to train with  ·  {metrics['limbs']} limbs  ·  "
        f"mean likelihood {metrics['mean_likelihood']:.2f}, {100 * metrics['share_below_likelihood_0.6']:.1f} % below {_SURE}  ·  "
        f"{100 * metrics['share_of_steps_above_limit']:.1f} % of steps above the limit"
    )


def _chosen(recording: Recording) -> Array:
    """Return frames to show: labelled ones that were held out where there are, else evenly spaced ones."""
    held_out = np.sort(recording.label_frames[recording.held_out])
    pool = held_out if len(held_out) >= _PICTURES else np.arange(len(recording.frames))
    chosen: Array = pool[np.linspace(0, len(pool) - 1, _PICTURES).round().astype(int)]
    return chosen


def _picture(axes: Axes, recording: Recording, tracks: Tracks, frame: int, colours: Array) -> None:
    axes.imshow(recording.frames[frame], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    places = tracks.positions[frame]
    for one, other in recording.skeleton:
        axes.plot(*places[[one, other]].T, color="white", linewidth=1, alpha=0.7)
    axes.scatter(places[:, 0], places[:, 1], c=colours, s=42, edgecolors="white", linewidths=0.8, zorder=3)
    known = np.flatnonzero(recording.label_frames == frame)
    for which in known:
        marked = recording.labels[which]
        axes.scatter(marked[:, 0], marked[:, 1], c="white", marker="+", s=60, linewidths=1.2, zorder=4)
    axes.set_title(f"frame {frame}" + (", + labels" if len(known) else ""), fontsize=11)
    axes.set_xlim(-0.5, recording.frames.shape[2] - 0.5)
    axes.set_ylim(recording.frames.shape[1] - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_yticks([])


def _traces(pair: list[Axes], recording: Recording, tracks: Tracks, colours: Array) -> None:
    count = min(len(tracks.positions), _SPAN)
    scale, label = 1.0, "frame"
    if recording.frame_rate is not None:
        scale, label = 1 / recording.frame_rate, "time (s)"
    times = np.arange(count) * scale
    for axes, coordinate, name in zip(pair, range(2), ("x", "y"), strict=True):
        for part, colour in enumerate(colours):
            axes.plot(times, tracks.positions[:count, part, coordinate], color=colour, linewidth=1.2)
            where = (recording.label_frames < count) & recording.held_out
            axes.plot(recording.label_frames[where] * scale, recording.labels[where, part, coordinate], "+",
                      color=colour, markersize=6)  # fmt: skip
        axes.set_ylabel(f"{name} (px)")
        axes.set_xlim(0, times[-1])
    pair[0].set_title("Traces, and labels that were held out (+)")
    pair[0].tick_params(labelbottom=False)
    pair[1].set_xlabel(label)


def _sure(axes: Axes, recording: Recording, tracks: Tracks, colours: Array) -> None:
    share = np.linspace(0, 1, len(tracks.likelihood))
    for part, (name, colour) in enumerate(zip(recording.bodyparts, colours, strict=True)):
        axes.plot(share, np.sort(tracks.likelihood[:, part]), color=colour, linewidth=1.8,
                  label=name if part < _MOST_NAMED else None)  # fmt: skip
    axes.axhline(_SURE, color=_SOFT, linewidth=0.8, linestyle=":")
    axes.set_ylim(0, 1.02)
    axes.set_title("Likelihood, frames in order of it")
    axes.set_xlabel("share of the frames")
    axes.legend(loc="lower right", fontsize=10)


def _training(axes: Axes, fitted: Fit) -> None:
    names = ("labelled frames", "hidden frames", "steps too long (px)", "limbs too long (lengths)")
    for column, (name, colour) in enumerate(zip(names, (_INK, _SOFT, _BLUE, _RED), strict=True)):
        values = fitted.trace[:, column]
        if not values.any():
            continue
        window = min(_SMOOTH, len(values))
        smooth = np.convolve(values, np.ones(window) / window, mode="valid")
        from_here = int(np.argmax(values > 0)) if column else 0
        numbers = np.arange(window, len(values) + 1)
        axes.plot(numbers[from_here:], smooth[from_here:], color=colour, linewidth=1.4, label=name)
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_ylim(bottom=0)
    axes.set_title("Terms of the objective")
    axes.set_xlabel(f"iteration (means of {_SMOOTH})")
    axes.legend(loc="upper right", fontsize=10)
