"""Draw what one looks at first: which systems have the property, how it was found, and simulations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from epi.check import Check
from epi.dataset import Question
from epi.flow import Array
from epi.inference import Result
from epi.oscillator import PARAMETERS, STATISTICS, statistics
from epi.property import NAMES

_INK, _SOFT, _BLUE = "#22262b", "#8a929c", "#1f5fa8"
_COLOURS = ("#c8501e", "#2a8f6d", "#d9a21b", "#8a4fa3")
_SHOWN = 1500  # systems in a scatter plot
_LABELS = ("growth rate (1/s)", "frequency (Hz)")
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
    question: Question,
    result: Result,
    check: Check,
    drawn: tuple[Array, Array],
    metrics: Mapping[str, Any],
) -> None:
    """Write a PNG of 1600 x 1000 pixels; the same results give the same bytes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 10), dpi=100)
        FigureCanvasAgg(figure)
        left = figure.add_gridspec(4, 4, left=0.05, right=0.46, top=0.84, bottom=0.08,
                                   wspace=0.12, hspace=0.12)  # fmt: skip
        _pairs(figure, left, question, *drawn)
        right = figure.add_gridspec(3, 2, left=0.535, right=0.985, top=0.84, bottom=0.08,
                                    wspace=0.24, hspace=0.55)  # fmt: skip
        _courses(figure.add_subplot(right[0, :]), question, check)
        for column in range(2):
            _histogram(figure.add_subplot(right[1, column]), question, check, drawn[0], column)
        _entropy(figure.add_subplot(right[2, 0]), result)
        _violations(figure.add_subplot(right[2, 1]), result, metrics)
        figure.text(0.05, 0.945, _headline(metrics), fontsize=18, fontweight="bold")
        figure.text(0.05, 0.912, _subline(question, metrics), fontsize=12, color=_SOFT)
        figure.text(0.05, 0.862, "Systems with the property, by log density", fontsize=12.5,
                    fontweight="bold")  # fmt: skip
        figure.savefig(path, metadata={"Software": None})


def _headline(metrics: Mapping[str, Any]) -> str:
    found = metrics["property"]
    rate, frequency = (found[name]["simulated"] for name in STATISTICS)
    if frequency["mean"] is None:
        return "Emergent property inference: no system that was drawn oscillates"
    return (
        f"Drawn systems oscillate with {frequency['mean']:.2f} ± {frequency['sd']:.2f} Hz and grow by "
        f"{rate['mean']:.2f} ± {rate['sd']:.2f} per second"
    )


def _subline(question: Question, metrics: Mapping[str, Any]) -> str:
    (rate, frequency), (rate_sd, frequency_sd) = question.wanted.means, question.wanted.sds
    state = "converged" if metrics["converged"] else "NOT converged"
    return (
        f"wanted: {frequency:g} ± {frequency_sd:g} Hz and {rate:g} ± {rate_sd:g} per second  ·  {state}, "
        f"largest violation {metrics['largest_violation']:.2f} sd  ·  entropy "
        f"{metrics['entropy_nats']:.2f} nats"
    )


def _pairs(figure: Figure, grid: Any, question: Question, theta: Array, logq: Array) -> None:
    low, high = np.quantile(logq, [0.05, 0.99])
    for row in range(4):
        for column in range(row + 1):
            axes = figure.add_subplot(grid[row, column])
            limits = question.bounds[column]
            axes.set_xlim(limits)
            if row == column:
                axes.hist(theta[:, row], np.linspace(*limits, 41), color=_BLUE, alpha=0.85)
                axes.set_yticks([])
                axes.spines["left"].set_visible(False)
            else:
                axes.scatter(
                    theta[:_SHOWN, column], theta[:_SHOWN, row], c=logq[:_SHOWN], s=5,
                    cmap="viridis", vmin=low, vmax=high, linewidths=0,
                )  # fmt: skip
                axes.set_ylim(question.bounds[row])
            axes.xaxis.set_major_locator(MaxNLocator(nbins=4, prune="both"))
            if row != column:
                axes.yaxis.set_major_locator(MaxNLocator(nbins=4, prune="both"))
            axes.tick_params(labelbottom=row == 3, labelleft=column == 0 and row > 0, labelsize=9)  # noqa: PLR2004
            if row == 3:  # noqa: PLR2004 - the last one
                axes.set_xlabel(PARAMETERS[column])
            if column == 0 and row > 0:
                axes.set_ylabel(PARAMETERS[row], labelpad=1)


def _courses(axes: Axes, question: Question, check: Check) -> None:
    shown = np.flatnonzero(check.swings)[:12]
    colours = mpl.colormaps["viridis"](np.linspace(0.05, 0.9, max(len(shown), 1)))
    order = shown[np.argsort(check.measured[shown, 1])] if len(shown) else shown
    for number, colour in zip(order, colours, strict=False):
        line = check.courses[number]
        # As grown or shrunken after a few periods, each would hide the others.
        axes.plot(check.times, line / np.abs(line).max(), color=colour, linewidth=1.3, alpha=0.9)
    axes.set_xlim(0, check.times[-1])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_title(f"Simulated activity of {len(shown)} systems drawn afresh, slow to fast")
    axes.set_xlabel("time (s)", labelpad=1)


def _histogram(axes: Axes, question: Question, check: Check, theta: Array, column: int) -> None:
    wanted = question.wanted
    mean, sd = float(wanted.means[column]), float(wanted.sds[column])
    edges = np.linspace(mean - 4 * sd, mean + 4 * sd, 41)
    values, _ = statistics(theta, wanted.tau)
    axes.hist(values[:, column], edges, density=True, color=_BLUE, alpha=0.3, label="eigenvalues")
    axes.hist(check.measured[check.swings, column], edges, density=True, histtype="step",
              color=_BLUE, linewidth=1.6, label="simulated")  # fmt: skip
    axes.axvline(mean, color=_INK, linewidth=1.2)
    for side in (-2, 2):
        axes.axvline(mean + side * sd, color=_INK, linewidth=1.0, linestyle="--")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(_LABELS[column], labelpad=1)
    if column == 0:
        axes.set_title("What was asked for (lines: mean ± 2 sd) and found")
        axes.legend(loc="upper right", fontsize=9, handlelength=1.2)


def _entropy(axes: Axes, result: Result) -> None:
    step, entropy = result.trace[:, 0], result.trace[:, 1]
    axes.plot(step, entropy, color=_SOFT, linewidth=0.8)
    ends = (np.arange(len(result.epochs)) + 1) * (step[-1] + 1) / len(result.epochs)
    axes.plot(ends, [epoch.entropy for epoch in result.epochs], "o-", color=_BLUE, linewidth=1.6)
    axes.plot(ends[result.chosen], result.epochs[result.chosen].entropy, "o", markersize=11,
              markerfacecolor="none", markeredgecolor=_COLOURS[0], markeredgewidth=2)  # fmt: skip
    levels = [epoch.entropy for epoch in result.epochs]
    axes.set_ylim(min(levels) - 0.6, max(levels) + 0.6)
    axes.set_xlim(0, ends[-1] * 1.02)
    axes.set_title("Entropy (nats); the chosen epoch")
    axes.set_xlabel("step", labelpad=1)


def _violations(axes: Axes, result: Result, metrics: Mapping[str, Any]) -> None:
    step = result.trace[:, 0]
    width = max(len(step) // 60, 1)
    window = np.ones(width) / width
    for number, name in enumerate(NAMES):
        smooth = np.convolve(result.trace[:, 2 + number], window, mode="valid")
        label = name.replace("_per_s", "").replace("_hz", "").replace("_", " ")
        axes.plot(step[width - 1 :], smooth, color=_COLOURS[number], linewidth=1.3, label=label)
    axes.axhspan(-metrics["tolerance"], metrics["tolerance"], color=_SOFT, alpha=0.25, linewidth=0)
    axes.set_ylim(-1, 1)
    axes.set_xlim(0, max(math.ceil(step[-1]), 1))
    axes.legend(loc="upper right", fontsize=8.5, ncols=2, handlelength=1.2, columnspacing=1.0)
    axes.set_title("Violations; band: tolerance")
    axes.set_xlabel("step", labelpad=1)
