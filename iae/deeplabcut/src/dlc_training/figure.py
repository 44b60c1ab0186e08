"""Draw what one looks at first: parts in the picture, their traces, errors of labels, how sure the network is, training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dlc_training.project import Project
from dlc_training.settings import Settings
from dlc_training.training import Array, Trained, errors
from dlc_training.video import Film

_INK, _SOFT, _BLUE = "#22262b", "#8a929c", "#1f5fa8"
_SPAN, _MOST_NAMED = 600, 8
_NEAR_PX = 5.0
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
    path: Path,
    project: Project,
    asked: Settings,
    film: Film,
    trained: Trained,
    metrics: Mapping[str, Any],
) -> None:
    """Write a PNG of 1600 x 1000 pixels; the same results give the same bytes."""
    tracks = trained.tracks.to_numpy(float).reshape(len(trained.tracks), -1, 3)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 10), dpi=100)
        FigureCanvasAgg(figure)
        colours = mpl.colormaps["turbo"](np.linspace(0.08, 0.92, len(project.bodyparts)))
        top = figure.add_gridspec(
            1, len(film.shown), left=0.06, right=0.985, top=0.84, bottom=0.51, wspace=0.06
        )
        for place, (number, frame) in enumerate(sorted(film.shown.items())):
            axes = figure.add_subplot(top[0, place])
            _picture(
                axes,
                frame,
                number,
                tracks[min(number, len(tracks) - 1)],
                asked.likelihood_cutoff,
                colours,
            )
        low = figure.add_gridspec(
            2, 4, left=0.06, right=0.985, top=0.455, bottom=0.095, wspace=0.27, hspace=0.14,
            width_ratios=(2.0, 1, 1, 1),
        )  # fmt: skip
        _traces([figure.add_subplot(low[row, 0]) for row in range(2)], film, tracks, asked, colours)
        _errors(figure.add_subplot(low[:, 1]), project, trained, colours)
        _sure(figure.add_subplot(low[:, 2]), project, tracks, asked, colours)
        _training(figure.add_subplot(low[:, 3]), trained)
        figure.text(0.06, 0.945, _headline(metrics), fontsize=18, fontweight="bold")
        figure.text(0.06, 0.91, _subline(metrics, asked), fontsize=12, color=_SOFT)
        figure.savefig(path, metadata={"Software": None})


def _headline(metrics: Mapping[str, Any]) -> str:
    test = metrics["labels"]["test"]
    if test["rmse_px"] is None:
        return f"DeepLabCut: {len(metrics['bodyparts'])} body parts; nothing is marked in the frames kept for the test"
    return (
        f"DeepLabCut: RMSE {test['rmse_px']:.2f} px in {test['frames']} labelled frames that were not trained with, "
        f"{100 * test['share_within_5_px']:.0f} % within 5 px"
    )


def _subline(metrics: Mapping[str, Any], asked: Settings) -> str:
    train = metrics["labels"]["train"]
    return (
        f"{metrics['frames']} frames of {metrics['width_px']} x {metrics['height_px']} px  ·  "
        f"{train['frames']} labelled to train with (RMSE {train['rmse_px']:.2f} px)  ·  {asked.backbone} from random weights, "
        f"{metrics['epochs']} epochs  ·  mean likelihood {metrics['mean_likelihood']:.2f}, "
        f"{100 * metrics['share_below_likelihood_cutoff']:.1f} % below {asked.likelihood_cutoff:g}"
    )


def _picture(
    axes: Axes, frame: Array, number: int, parts: Array, cutoff: float, colours: Array
) -> None:
    axes.imshow(frame, interpolation="nearest")
    sure = parts[:, 2] >= cutoff
    axes.scatter(
        parts[sure, 0], parts[sure, 1], c=colours[sure], s=46, edgecolors="white", linewidths=0.8
    )
    axes.scatter(
        parts[~sure, 0], parts[~sure, 1], c=colours[~sure], marker="x", s=46, linewidths=1.4
    )
    axes.set_title(f"frame {number}", fontsize=11)
    height, width = frame.shape[:2]
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_yticks([])


def _traces(pair: list[Axes], film: Film, tracks: Array, asked: Settings, colours: Array) -> None:
    shown = tracks[:_SPAN]
    times = np.arange(len(shown)) / film.rate_hz
    for axes, coordinate, name in zip(pair, range(2), ("x", "y"), strict=True):
        for part, colour in enumerate(colours):
            sure = shown[:, part, 2] >= asked.likelihood_cutoff
            line = np.where(sure, shown[:, part, coordinate], np.nan)
            axes.plot(times, line, color=colour, linewidth=1.2)
        axes.set_ylabel(f"{name} (px)")
        axes.set_xlim(0, max(times[-1], 1 / film.rate_hz))
        axes.set_ylim(0, (film.width, film.height)[coordinate])
    pair[0].set_title("Traces, where they are sure")
    pair[0].tick_params(labelbottom=False)
    pair[1].set_xlabel("time (s)")


def _errors(axes: Axes, project: Project, trained: Trained, colours: Array) -> None:
    far = errors(trained.pictures, [picture.places for picture in project.pictures])
    which = np.array([picture.trained for picture in project.pictures])
    for part, colour in enumerate(colours):
        for offset, chosen, marker in ((-0.15, which, "."), (0.15, ~which, "D")):
            values = far[chosen, part]
            spread = np.linspace(-0.09, 0.09, len(values)) + offset
            axes.scatter(
                part + spread, values, color=colour, marker=marker, s=16, alpha=0.75, linewidths=0
            )
    axes.axhline(_NEAR_PX, color=_SOFT, linewidth=1, linestyle=":")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("error (px)")
    axes.set_xticks(range(len(project.bodyparts)) if len(project.bodyparts) <= _MOST_NAMED else [])
    if len(project.bodyparts) <= _MOST_NAMED:
        axes.set_xticklabels(project.bodyparts, rotation=35, ha="right", fontsize=9)
    axes.set_title("Labels: trained ·  test ◆")


def _sure(axes: Axes, project: Project, tracks: Array, asked: Settings, colours: Array) -> None:
    bins = np.linspace(0, 1, 41)
    for part, (name, colour) in enumerate(zip(project.bodyparts, colours, strict=True)):
        counts = np.histogram(np.clip(tracks[:, part, 2], 0, 1), bins)[0]
        label = name if len(project.bodyparts) <= _MOST_NAMED else None
        axes.stairs(counts, bins, color=colour, linewidth=1.5, label=label)
    axes.axvline(asked.likelihood_cutoff, color=_SOFT, linewidth=1, linestyle=":")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, 1)
    axes.set_xlabel("likelihood")
    axes.set_ylabel("frames")
    axes.set_title("How sure it is")
    if len(project.bodyparts) <= _MOST_NAMED:
        axes.legend(fontsize=9, loc="upper left")


def _training(axes: Axes, trained: Trained) -> None:
    axes.plot(range(1, len(trained.losses) + 1), trained.losses, color=_BLUE, linewidth=1.6)
    axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    axes.set_title("Training")
