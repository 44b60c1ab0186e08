"""Draw what one looks at first: the tracked activity, its latents, and whether to believe them."""

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

from kalman_smoother.analysis import Analysis
from kalman_smoother.recording import Recording
from kalman_smoother.system import Array

_WINDOW = 250
_PANELS = 4
_LATENTS = 3
_BAND = 1.96
_INK, _SOFT, _LINE, _WARM = "#22262b", "#8a929c", "#1f5fa8", "#c8501e"
_LATENT_COLOURS = ("#1f5fa8", "#2a8f6d", "#8a4fa3")
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


def draw(path: Path, recording: Recording, result: Analysis, metrics: Mapping[str, Any]) -> None:
    """Write a PNG of 1600 x 1000 pixels; the same results give the same bytes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 10), dpi=100)
        FigureCanvasAgg(figure)
        window = _window(recording.y)
        shown = _channels(recording, result)
        left = figure.add_gridspec(
            len(shown), 1, left=0.065, right=0.62, top=0.855, bottom=0.075, hspace=0.34
        )
        right = figure.add_gridspec(
            3, 1, left=0.695, right=0.975, top=0.855, bottom=0.075, hspace=0.5,
            height_ratios=(1.35, 0.8, 0.9),
        )  # fmt: skip
        time, label = _time(recording, window)
        panels = [figure.add_subplot(left[row]) for row in range(len(shown))]
        for axes, channel in zip(panels, shown, strict=True):
            _activity(axes, recording, result, channel, window, time)
            axes.set_xlim(time[0], time[-1] if len(time) > 1 else time[0] + 1)
            axes.tick_params(labelbottom=axes is panels[-1])
        panels[-1].set_xlabel(label)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="upper left", bbox_to_anchor=(0.058, 0.921), ncols=5,
            columnspacing=1.5, handlelength=1.4, borderpad=0, fontsize=11.5,
        )  # fmt: skip
        _latents(figure.add_subplot(right[0]), result, window, time, label)
        _held_out(figure.add_subplot(right[1]), metrics["held_out"])
        _trace(figure.add_subplot(right[2]), result)
        figure.text(0.065, 0.958, _headline(recording, metrics), fontsize=18, fontweight="bold")
        figure.text(0.065, 0.931, _subline(recording, metrics, window), fontsize=12, color=_SOFT)
        figure.savefig(path, metadata={"Software": None})


def _headline(recording: Recording, metrics: Mapping[str, Any]) -> str:
    channels = f"{metrics['channels']} channels" if metrics["channels"] > 1 else "one channel"
    latents = f"{metrics['latents']} latents" if metrics["latents"] > 1 else "one latent"
    return f"Linear dynamical system: {channels}, {len(recording.y)} samples, {latents}"


def _subline(recording: Recording, metrics: Mapping[str, Any], window: slice) -> str:
    missing = metrics["missing_values"]
    parts = [f"{missing} of {recording.y.size} values missing" if missing else "no missing values"]
    if window.stop - window.start < len(recording.y):
        parts.append(f"samples {window.start + 1} to {window.stop} are shown")
    if recording.y.shape[1] > _PANELS:
        parts.append(f"{_PANELS} channels from the best to the worst explained")
    return "  ·  ".join(parts)


def _window(y: Array) -> slice:
    """Return the stretch of at most 250 samples with the fewest missing values, the first such."""
    width = min(len(y), _WINDOW)
    missing = np.concatenate([[0], np.cumsum(np.isnan(y).sum(axis=1))])
    start = int(np.argmin(missing[width:] - missing[:-width]))
    return slice(start, start + width)


def _time(recording: Recording, window: slice) -> tuple[Array, str]:
    samples = np.arange(window.start, window.stop, dtype=np.float64)
    if recording.sampling_rate is None:
        return samples, "sample"
    return samples / recording.sampling_rate, "time (s)"


def _explained(recording: Recording, result: Analysis) -> Array:
    residual = np.nanvar(recording.y - result.signal, axis=0)
    total = np.nanvar(recording.y, axis=0)
    explained: Array = 1 - residual / np.where(total > 0, total, 1.0)
    return explained


def _channels(recording: Recording, result: Analysis) -> list[int]:
    order = np.argsort(-_explained(recording, result), kind="stable")
    picks = np.linspace(0, len(order) - 1, min(_PANELS, len(order))).round().astype(int)
    return [int(order[pick]) for pick in picks]


def _named(recording: Recording, channel: int) -> tuple[str, str]:
    """Return name and unit of a channel; `name [unit]` says the unit of one channel."""
    name, bracket, rest = recording.channels[channel].partition("[")
    if bracket and rest.endswith("]"):
        return name.strip(), rest[:-1].strip()
    return recording.channels[channel], recording.units or "a.u."


def _activity(
    axes: Axes,
    recording: Recording,
    result: Analysis,
    channel: int,
    window: slice,
    time: Array,
) -> None:
    raw, rows = recording.y[window, channel], result.rows[window]
    mean, sd = result.signal[window, channel], result.signal_sd[window, channel]
    wide = np.sqrt(sd**2 + result.system.R[channel, channel])
    axes.fill_between(time, mean - _BAND * wide, mean + _BAND * wide, color=_LINE, alpha=0.10,
                      linewidth=0, label="95 % of samples")  # fmt: skip
    axes.fill_between(time, mean - _BAND * sd, mean + _BAND * sd, color=_LINE, alpha=0.32,
                      linewidth=0, label="95 % credible")  # fmt: skip
    axes.plot(time, mean, color=_LINE, linewidth=1.6, label="smoothed signal")
    axes.plot(time[~rows], raw[~rows], ".", color=_INK, markersize=4, label="raw sample")
    if rows.any():
        axes.plot(time[rows], raw[rows], "o", markersize=5, markerfacecolor="none",
                  markeredgecolor=_WARM, markeredgewidth=1.2, label="held out of the fit")  # fmt: skip
    share = _explained(recording, result)[channel]
    name, unit = _named(recording, channel)
    axes.set_title(name, pad=4)
    axes.set_title(f"{100 * share:.0f} % of variance explained", loc="right", fontsize=11,
                   fontweight="normal", color=_SOFT, pad=4)  # fmt: skip
    axes.set_ylabel(unit)
    axes.margins(y=0.06)


def _latents(axes: Axes, result: Analysis, window: slice, time: Array, label: str) -> None:
    count = min(_LATENTS, result.system.latents)
    mean = result.smoothed.mean[window, :count]
    variance = np.diagonal(result.smoothed.covariance[window], axis1=1, axis2=2)[:, :count]
    sd = np.sqrt(variance)
    mean = mean - mean.mean(axis=0)
    gap = float(np.max(np.abs(mean)) + _BAND * np.max(sd)) * 1.5 or 1.0
    for k in range(count):
        middle = mean[:, k] - k * gap
        colour = _LATENT_COLOURS[k]
        axes.fill_between(time, middle - _BAND * sd[:, k], middle + _BAND * sd[:, k],
                          color=colour, alpha=0.25, linewidth=0)  # fmt: skip
        axes.plot(time, middle, color=colour, linewidth=1.4)
    axes.set_yticks([-k * gap for k in range(count)], [str(k + 1) for k in range(count)])
    axes.set_ylabel("latent")
    axes.set_xlabel(label)
    axes.set_xlim(time[0], time[-1] if len(time) > 1 else time[0] + 1)
    axes.set_title("Latent trajectories" if count > 1 else "Latent trajectory")


def _held_out(axes: Axes, score: Mapping[str, Any] | None) -> None:
    axes.set_title("Held-out log-likelihood")
    if not score:
        axes.set_axis_off()
        axes.text(0.0, 0.5, "nothing was held out", transform=axes.transAxes, color=_SOFT)
        return
    values = (score["white_noise_nats_per_value"], score["lds_nats_per_value"])
    gain = score["gain_nats_per_value"]
    colours = (_SOFT, _LINE)
    axes.plot(values, (0.5, 0.5), color=_SOFT, linewidth=1.5, zorder=1)
    for value, name, colour in zip(values, ("white noise", "LDS"), colours, strict=True):
        axes.plot(value, 0.5, "o", color=colour, markersize=12, zorder=2)
        axes.annotate(f"{name}\n{value:.3f}", (value, 0.5), (0, 13), ha="center", va="bottom",
                      textcoords="offset points", color=colour, fontsize=11.5)  # fmt: skip
    verdict = "better" if gain >= 0 else "worse"
    axes.text(0.5, 0.10, f"LDS {verdict} by {abs(gain):.3f} over {score['samples']} samples",
              transform=axes.transAxes, ha="center", fontsize=11.5)  # fmt: skip
    reach = max(abs(gain), 1e-3)
    axes.set_xlim(min(values) - 0.55 * reach, max(values) + 0.55 * reach)
    axes.set_ylim(0, 1.15)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.set_xlabel("nats per value")


def _trace(axes: Axes, result: Analysis) -> None:
    trace = np.array(result.fit.log_likelihood)
    axes.plot(np.arange(len(trace)), trace, color=_INK, linewidth=1.5)
    axes.plot(len(trace) - 1, trace[-1], "o", color=_INK, markersize=5)
    axes.set_title("Log-likelihood while fitting" if len(trace) > 1 else "Log-likelihood")
    axes.set_xlabel("EM step")
    axes.set_ylabel("nats")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(y=0.12)
