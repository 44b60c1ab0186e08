"""Draw what a scientist looks at first: frames and their reconstruction, labels, what latents move."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from psvae.dataset import Recording
from psvae.training import Frames, Result

_INK, _SOFT = "#222222", "#888888"
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_SHOWN, _LATENTS, _COURSE = 7, 6, 300


def draw(
    path: Path, recording: Recording, result: Result, moved: Frames, metrics: Mapping[str, Any]
) -> None:
    """Write a PNG of about 1200 x 900 pixels; `moved` (D, steps, H, W) are traversals of latents."""
    with mpl.rc_context({"font.size": 9.5, "font.family": "DejaVu Sans", "text.color": _INK}):
        figure = Figure(figsize=(12, 9), dpi=100, facecolor="white")
        FigureCanvasAgg(figure)
        figure.text(0.02, 0.965, _title(recording, metrics), fontsize=11)
        left = figure.add_gridspec(
            3, _SHOWN, left=0.05, right=0.48, top=0.9, bottom=0.56, wspace=0.05
        )
        _frames(figure, left, recording, result)
        shown = min(len(moved), _LATENTS)
        right = figure.add_gridspec(
            shown, moved.shape[1], left=0.57, right=0.98, top=0.9, bottom=0.56, wspace=0.05
        )
        _moved(figure, right, recording, moved[:shown])
        below = figure.add_gridspec(2, 1, left=0.07, right=0.98, top=0.48, bottom=0.06, hspace=0.45)
        _courses(figure, below, recording, result)
        figure.savefig(path, metadata={"Software": None})


def _title(recording: Recording, metrics: Mapping[str, Any]) -> str:
    scores = metrics["label_r2_held_out"]
    labels = ", ".join(f"{name} {scores[name]:.3f}" for name in recording.names[:3] if scores[name])
    return (
        f"held out: labels R² {labels}  ·  frames R² {metrics['reconstruction_r2_held_out']:.3f}, "
        f"PCA of the same size {metrics['pca_r2_held_out']:.3f}"
    )


def _frames(figure: Figure, grid: Any, recording: Recording, result: Result) -> None:
    test = np.flatnonzero(recording.held_out)
    picked = test[np.linspace(0, len(test) - 1, _SHOWN).astype(int)]
    rows = (
        ("video", recording.frames, "gray", 0.0, 1.0),
        ("decoded", result.frames, "gray", 0.0, 1.0),
        ("difference", result.frames - recording.frames, "RdBu_r", -0.5, 0.5),
    )
    for row, (name, frames, colours, low, high) in enumerate(rows):
        for column, number in enumerate(picked):
            axes = figure.add_subplot(grid[row, column])
            axes.imshow(frames[number], cmap=colours, vmin=low, vmax=high)
            axes.set_xticks([])
            axes.set_yticks([])
            if column == 0:
                axes.set_ylabel(name)
    figure.text(0.05, 0.92, "Held-out frames", color=_INK)


def _moved(figure: Figure, grid: Any, recording: Recording, moved: Frames) -> None:
    names = [*recording.names, *(f"free {k + 1}" for k in range(len(moved)))]
    for row, frames in enumerate(moved):
        for column, frame in enumerate(frames):
            axes = figure.add_subplot(grid[row, column])
            axes.imshow(frame, cmap="gray", vmin=0, vmax=1)
            axes.set_xticks([])
            axes.set_yticks([])
            if column == 0:
                axes.set_ylabel(names[row], rotation=0, ha="right", va="center", fontsize=8.5)
    figure.text(
        0.57, 0.92, "What each latent moves, from its 2nd to its 98th percentile", color=_INK
    )


def _courses(figure: Figure, grid: Any, recording: Recording, result: Result) -> None:
    picked = np.flatnonzero(recording.held_out)[:_COURSE]
    count = len(recording.names)
    axes = figure.add_subplot(grid[0])
    for k, name in enumerate(recording.names[: len(_COLOURS)]):
        axes.plot(recording.labels[picked, k], color=_SOFT, linewidth=2.4, alpha=0.7)
        axes.plot(result.labels[picked, k], color=_COLOURS[k], linewidth=1.1, label=name)
    axes.set_title("Labels of held-out frames: given (grey) and decoded from the video", loc="left")
    axes.legend(loc="upper right", ncols=4, frameon=False)
    free = figure.add_subplot(grid[1])
    for k, line in enumerate(result.latents[picked, count:].T[: len(_COLOURS)]):
        free.plot(line, color=_COLOURS[k], linewidth=1.1, label=f"free {k + 1}")
    free.set_title("Unsupervised latents of the same frames", loc="left")
    free.set_xlabel("held-out frame")
    free.legend(loc="upper right", ncols=4, frameon=False)
    for each in (axes, free):
        each.margins(x=0)
        each.spines[["top", "right"]].set_visible(False)
