"""Draw what one looks at first: spikes and rates of single trials, the factors, and the training."""

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

from lfads.dataset import Array, Recording
from lfads.training import Fit, Inferred

_INK, _SOFT, _BLUE, _RED = "#22262b", "#8a929c", "#1f5fa8", "#c8501e"
_TRIALS, _TRACES = 3, 40
_ROOM = 1.4  # above a peak, for words
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
    recording: Recording,
    fitted: Fit,
    inferred: Inferred,
    metrics: Mapping[str, Any],
) -> None:
    """Write a PNG of 1600 x 1000 pixels; the same results give the same bytes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 10), dpi=100)
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(
            2, 3, left=0.055, right=0.985, top=0.83, bottom=0.07, wspace=0.2, hspace=0.36
        )
        shown = np.flatnonzero(recording.held_out)[:_TRIALS]
        order = _by_peak(inferred.rates[shown[0]])
        top = grid[0, :].subgridspec(1, 2 * len(shown), wspace=0.12)
        for place, trial in enumerate(shown):
            pair = [figure.add_subplot(top[0, 2 * place + k]) for k in range(2)]
            _trial(pair, recording, inferred, trial, order, first=place == 0)
        _space(figure.add_subplot(grid[1, 0]), recording, inferred)
        _course(figure.add_subplot(grid[1, 1]), recording, inferred, shown[0])
        _training(figure.add_subplot(grid[1, 2]), fitted)
        score = metrics["bits_per_spike"]["held_out"]
        headline = "no spike was held out" if score is None else f"{score:.3f} bits per spike"
        figure.text(0.055, 0.945, f"LFADS: {headline} in trials that were not fitted",
                    fontsize=18, fontweight="bold")  # fmt: skip
        figure.text(0.055, 0.91, _subline(metrics), fontsize=12, color=_SOFT)
        figure.savefig(path, metadata={"Software": None})


def _subline(metrics: Mapping[str, Any]) -> str:
    return (
        f"{metrics['trials']} trials of {metrics['bins']} bins of {1000 * metrics['bin_width_s']:g} ms  ·  "
        f"{metrics['neurons']} neurons of {metrics['mean_rate_hz']:.1f} Hz  ·  {metrics['held_out_trials']} trials "
        f"held out  ·  {metrics['factors_for_90_percent_of_variance']} dimensions hold 90 % of the factors' variance"
    )


def _by_peak(rates: Array) -> Array:
    """Return neurons by when they fire most, so that a wave is seen as one."""
    order: Array = np.argsort(rates.argmax(axis=0), kind="stable")
    return order


def _trial(
    pair: list[Axes], recording: Recording, inferred: Inferred, trial: int, order: Array, *, first: bool
) -> None:
    extent = (0.0, recording.spikes.shape[1] * recording.bin_width, 0.0, float(len(order)))
    rates = inferred.rates[trial][:, order] / recording.bin_width
    images = (recording.spikes[trial][:, order], rates)
    limits = (max(1.0, float(images[0].max())), float(np.quantile(rates, 0.99)) or 1.0)
    for axes, image, limit, colours, what in zip(
        pair, images, limits, ("Greys", "viridis"), ("spikes", "rates"), strict=True
    ):
        axes.imshow(image.T, aspect="auto", origin="lower", extent=extent, cmap=colours, vmin=0,
                    vmax=limit, interpolation="nearest")  # fmt: skip
        axes.set_title(f"trial {trial}: {what}" if what == "spikes" else what, fontsize=11)
        axes.set_yticks([])
        # Neighbours must not write over each other's ends.
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4, prune="both"))
        axes.set_xlabel("time (s)", fontsize=10)
    if first:
        pair[0].set_ylabel("neurons, by the peak of their rate")


def _space(axes: Axes, recording: Recording, inferred: Inferred) -> None:
    factors = inferred.factors - inferred.factors.mean(axis=(0, 1))
    flat = factors.reshape(-1, factors.shape[-1])
    _, _, directions = np.linalg.svd(flat[:: max(1, len(flat) // 20_000)], full_matrices=False)
    if len(directions) < 2:  # noqa: PLR2004 - one factor spans no plane
        directions = np.vstack([directions, np.zeros_like(directions)])
    # The sign of a direction is arbitrary; let its largest part be positive.
    signs = np.sign(directions[:2][np.arange(2), np.abs(directions[:2]).argmax(axis=1)])
    plane = factors @ (directions[:2] * np.where(signs == 0, 1, signs)[:, None]).T
    trials = np.flatnonzero(recording.held_out)[:_TRACES]
    colours = mpl.colormaps["viridis"](np.linspace(0.05, 0.9, len(trials)))
    for trial, colour in zip(trials, colours, strict=True):
        axes.plot(*plane[trial].T, color=colour, linewidth=1, alpha=0.8)
        axes.plot(*plane[trial, 0], "o", color=colour, markersize=3)
    axes.set_title("Factors of held-out trials, principal plane")
    axes.set_xlabel("first component")
    axes.set_ylabel("second component")


def _course(axes: Axes, recording: Recording, inferred: Inferred, trial: int) -> None:
    times = (np.arange(recording.spikes.shape[1]) + 0.5) * recording.bin_width
    rates = inferred.rates[trial] / recording.bin_width
    neurons = np.sort(np.argsort(rates.std(axis=0))[::-1][:4])
    top = 0.0
    for number, neuron in enumerate(neurons):
        peak = float(rates[:, neuron].max()) or 1.0
        height = _ROOM * peak
        line = rates[:, neuron] / height + number
        axes.plot(times, line, color=_BLUE, linewidth=1.8)
        fired = np.flatnonzero(recording.spikes[trial][:, neuron])
        axes.vlines(times[fired], number, number + 0.09, color=_INK, linewidth=1)
        axes.text(times[-1], number + 0.8, f"neuron {neuron}, up to {peak:.0f} Hz",
                  ha="right", fontsize=9, color=_SOFT)  # fmt: skip
        top = number + 1
    axes.set_ylim(0, top)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_title(f"Rates and spikes of trial {trial}")
    axes.set_xlabel("time (s)")


def _training(axes: Axes, fitted: Fit) -> None:
    epochs = np.arange(1, len(fitted.trace) + 1)
    axes.plot(epochs, fitted.trace[:, 0], color=_SOFT, label="fitted trials")
    axes.plot(epochs, fitted.trace[:, 1], color=_RED, label="held-out trials")
    axes.set_title("Negative log-likelihood of a trial")
    axes.set_xlabel("epoch")
    axes.set_ylabel("nats, without the factorials")
    axes.legend(loc="upper right")
