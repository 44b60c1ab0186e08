"""Draw what one looks at first: where the units are, what they look like, and when they fire."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lupin_sorting.recording import Array, Recording
from lupin_sorting.units import Units

_SHOWN = 16
_RASTER_S = 10.0
_LAG_S = 0.05
_INK, _SOFT = "#22262b", "#8a929c"
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
    samples: Array,
    labels: Array,
    units: Units,
    metrics: Mapping[str, Any],
) -> None:
    """Write a PNG of 1600 x 1000 pixels; the same results give the same bytes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 10), dpi=100)
        FigureCanvasAgg(figure)
        shown = np.argsort(-units.snr, kind="stable")[:_SHOWN]
        colours = {int(k): mpl.colormaps["tab20"](n % 20) for n, k in enumerate(shown)}
        _probe(figure.add_axes((0.05, 0.08, 0.13, 0.77)), recording, units, colours)
        grid = figure.add_gridspec(4, 4, left=0.23, right=0.6, top=0.85, bottom=0.08,
                                   wspace=0.15, hspace=0.35)  # fmt: skip
        for place, k in enumerate(colours):
            _waveform(
                figure.add_subplot(grid[place // 4, place % 4]), recording, units, k, colours[k]
            )
        _raster(figure.add_axes((0.65, 0.5, 0.32, 0.35)), recording, samples, labels, colours)
        _intervals(figure.add_axes((0.65, 0.08, 0.32, 0.32)), recording, samples, labels, colours)
        figure.text(0.03, 0.948, f"Lupin: {metrics['units']} units, {metrics['spikes']:,} spikes",
                    fontsize=18, fontweight="bold")  # fmt: skip
        figure.text(0.03, 0.915, _subline(metrics), fontsize=12, color=_SOFT)
        if len(shown):
            figure.text(0.23, 0.875, "Mean waveforms on the largest channel (µV)", fontsize=12.5,
                        fontweight="bold")  # fmt: skip
        figure.savefig(path, metadata={"Software": None})


def _subline(metrics: Mapping[str, Any]) -> str:
    parts = [
        f"{metrics['seconds']:g} s of {metrics['channels']} channels at "
        f"{metrics['sampling_frequency_hz'] / 1000:g} kHz",
        f"noise {metrics['noise_uv_median']:.1f} µV",
    ]
    median = metrics["median"]
    if median["snr"] is not None:
        parts.append(
            f"medians of the units: {median['rate_hz']:.1f} Hz, signal {median['snr']:.1f} times the "
            f"noise, {100 * median['intervals_below_1.5_ms']:.2f} % of intervals below 1.5 ms"
        )
    return "  ·  ".join(parts)


def _probe(axes: Axes, recording: Recording, units: Units, colours: Mapping[int, Any]) -> None:
    axes.plot(*recording.locations.T, "s", color="#d4d8dd", markersize=7)
    for k, (x, y) in enumerate(units.place):
        axes.plot(x, y, "o", color=colours.get(k, _SOFT), markersize=10, alpha=0.9)
        axes.text(x, y, str(k), fontsize=7.5, ha="center", va="center", color="white")
    axes.set_title("Units on the probe", pad=8)
    axes.set_xlabel("x (µm)")
    axes.set_ylabel("y (µm)")
    axes.margins(x=0.4)


def _waveform(axes: Axes, recording: Recording, units: Units, k: int, colour: Any) -> None:
    channel = units.channel[k]
    wave = units.waveforms[k, :, channel]
    time = 1000 * (np.arange(len(wave)) - units.before) / recording.rate
    noise = units.noise[channel]
    axes.fill_between(time, -noise, noise, color="#e6e8eb", linewidth=0)
    axes.plot(time, wave, color=colour, linewidth=1.8)
    axes.set_title(f"{k}:  {units.rate[k]:.1f} Hz, ratio {units.snr[k]:.0f}", fontsize=9.5, pad=3,
                   fontweight="normal")  # fmt: skip
    axes.tick_params(labelsize=8)
    axes.set_xlim(time[0], time[-1])


def _raster(
    axes: Axes, recording: Recording, samples: Array, labels: Array, colours: Mapping[int, Any]
) -> None:
    end = min(_RASTER_S, recording.seconds)
    for place, k in enumerate(colours):
        times = samples[labels == k] / recording.rate
        times = times[times < end]
        axes.plot(times, np.full(len(times), place), "|", color=colours[k], markersize=9)
    axes.set_yticks(range(len(colours)), [str(k) for k in colours], fontsize=8.5)
    axes.set_ylim(len(colours) - 0.4, -0.6)
    axes.set_xlim(0, end)
    axes.set_xlabel("time (s)")
    axes.set_title(f"Spikes of the first {end:.0f} s, the clearest unit on top", pad=8)


def _intervals(
    axes: Axes, recording: Recording, samples: Array, labels: Array, colours: Mapping[int, Any]
) -> None:
    edges = np.linspace(0, _LAG_S, 51)
    for k, colour in colours.items():
        intervals = np.diff(samples[labels == k]) / recording.rate
        counts = np.histogram(intervals, edges)[0]
        if len(intervals):
            axes.stairs(counts / len(intervals), 1000 * edges, color=colour, linewidth=1.3)
    axes.axvline(1.5, color=_SOFT, linestyle=":", linewidth=1)
    axes.set_xlim(0, 1000 * _LAG_S)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("interval (ms); refractory period dotted")
    axes.set_ylabel("share of intervals")
    axes.set_title("Intervals between spikes of one unit", pad=8)
