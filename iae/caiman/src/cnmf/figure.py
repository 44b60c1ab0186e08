"""Draw what one looks at first: where the cells are, what they do, and which are doubtful."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from cnmf.fit import Fit
from cnmf.noise import Array
from cnmf.outputs import background_image, centres, events

_TRACES = 12
_WINDOW_S = 60.0
_CONTOUR = 0.3  # of the brightest pixel
_INK, _SOFT, _BLUE, _RED = "#22262b", "#8a929c", "#1f5fa8", "#c8501e"
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


def draw(path: Path, rate: float, fit: Fit, metrics: Mapping[str, Any]) -> None:
    """Write a PNG of 1600 x 1000 pixels; the same results give the same bytes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 10), dpi=100)
        FigureCanvasAgg(figure)
        left = figure.add_gridspec(2, 2, left=0.03, right=0.47, top=0.86, bottom=0.06,
                                   wspace=0.12, hspace=0.2)  # fmt: skip
        right = figure.add_gridspec(1, 1, left=0.53, right=0.975, top=0.86, bottom=0.08)
        shown = _loudest(fit)
        colours = {k: mpl.colormaps["tab20"](n % 20) for n, k in enumerate(shown)}
        places = figure.add_subplot(left[0, 0])
        _picture(places, neighbour_correlation(fit), "Correlation of neighbouring pixels")
        _contours(places, fit, colours)
        footprints = figure.add_subplot(left[0, 1])
        _coloured(footprints, fit)
        ground = figure.add_subplot(left[1, 0])
        _picture(ground, background_image(fit), "Background, mean over time")
        axes = figure.add_gridspec(2, 2, left=0.06, right=0.465, top=0.86, bottom=0.08,
                                   wspace=0.22, hspace=0.2)[1, 1]  # fmt: skip
        _judged(figure.add_subplot(axes), fit)
        _activity(figure.add_subplot(right[0]), rate, fit, colours)
        counted = metrics["components"]
        figure.text(
            0.03, 0.948, f"CNMF: {counted['accepted']} cells, {counted['rejected']} components rejected",
            fontsize=18, fontweight="bold",
        )  # fmt: skip
        figure.text(0.03, 0.915, _subline(rate, metrics), fontsize=12, color=_SOFT)
        figure.savefig(path, metadata={"Software": None})


def neighbour_correlation(fit: Fit) -> Array:
    """Return how each pixel of the movie correlates with its four neighbours, on average (H, W)."""
    height, width = fit.shape
    total, count = np.zeros(fit.shape), np.zeros(fit.shape)

    def row(number: int) -> Array:
        line = fit.movie[number * width : (number + 1) * width].astype(np.float64)
        line -= line.mean(axis=1, keepdims=True)
        length = np.linalg.norm(line, axis=1, keepdims=True)
        standard: Array = line / np.where(length > 0, length, 1.0)
        return standard

    above = None
    for number in range(height):
        line = row(number)
        beside = np.einsum("wt,wt->w", line[1:], line[:-1])
        total[number, 1:] += beside
        total[number, :-1] += beside
        count[number, 1:] += 1
        count[number, :-1] += 1
        if above is not None:
            down = np.einsum("wt,wt->w", line, above)
            total[number - 1 : number + 1] += down
            count[number - 1 : number + 1] += 1
        above = line
    return total / count


def _subline(rate: float, metrics: Mapping[str, Any]) -> str:
    motion, median = metrics["motion_px"], metrics["accepted_median"]
    parts = [
        f"{metrics['frames']} frames of {metrics['height']} × {metrics['width']} pixels at {rate:g} Hz",
        f"motion of {motion['rms']:.2f} pixels rms, {motion['largest']:.1f} at most",
        f"what is left has {metrics['residual_noise_ratio']:.2f} times the power of the noise",
    ]
    if median["decay_s"] is not None:
        parts.insert(2, f"median decay {median['decay_s']:.2f} s")
    return "  ·  ".join(parts)


def _loudest(fit: Fit) -> list[int]:
    """Return accepted components of the highest signal-to-noise ratio, from top to bottom of the image."""
    accepted = np.flatnonzero(fit.quality.accepted)
    best = accepted[np.argsort(-fit.quality.snr[accepted], kind="stable")][:_TRACES]
    rows = centres(fit)[best, 0] if len(best) else np.zeros(0)
    return [int(k) for k in best[np.argsort(rows, kind="stable")]]


def _bare(axes: Axes, title: str) -> None:
    axes.set_title(title, pad=6)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)


def _picture(axes: Axes, image: Array, title: str) -> None:
    low, high = np.percentile(image, [1, 99.8])
    axes.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1e-9), interpolation="nearest")
    _bare(axes, title)


def _contours(axes: Axes, fit: Fit, colours: Mapping[int, Any]) -> None:
    dense = fit.factors.A.tocsc()
    for k, accepted in enumerate(fit.quality.accepted):
        image = dense[:, [k]].toarray().reshape(fit.shape)
        colour = colours.get(k, "#e8e8e8") if accepted else _RED
        axes.contour(
            np.pad(image, 1), levels=[_CONTOUR * image.max()], colors=[colour],
            linewidths=1.6 if accepted else 1.0, linestyles="solid" if accepted else "dotted",
            extent=(-1.0, fit.shape[1], -1.0, fit.shape[0]),
        )  # fmt: skip
    edge = [withStroke(linewidth=2, foreground="black")]
    for k, (row, column) in enumerate(centres(fit)):
        if k in colours:
            axes.text(column, row, str(k), color="white", fontsize=8.5, ha="center", va="center",
                      path_effects=edge, clip_on=True)  # fmt: skip
    axes.set_xlim(-0.5, fit.shape[1] - 0.5)
    axes.set_ylim(fit.shape[0] - 0.5, -0.5)


def _coloured(axes: Axes, fit: Fit) -> None:
    canvas = np.zeros((*fit.shape, 3))
    table = mpl.colormaps["hsv"]
    for number, k in enumerate(np.flatnonzero(fit.quality.accepted)):
        image = fit.factors.A[:, [int(k)]].toarray().reshape(fit.shape)
        # Neighbours in the list get colours that are far apart.
        colour = np.array(table((number * 0.381966) % 1.0)[:3])
        canvas += (image / image.max())[:, :, None] * colour
    axes.imshow(np.clip(canvas, 0, 1), interpolation="nearest")
    _bare(axes, "Footprints of accepted cells")


def _judged(axes: Axes, fit: Fit) -> None:
    good = fit.quality.accepted
    axes.plot(fit.quality.snr[good], fit.quality.correlation[good], "o", color=_BLUE, markersize=6,
              label="accepted")  # fmt: skip
    axes.plot(fit.quality.snr[~good], fit.quality.correlation[~good], "x", color=_RED, markersize=6,
              label="rejected")  # fmt: skip
    axes.set_xscale("log")
    ticks = (0.5, 1, 2, 5, 10, 20, 50, 100)
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    low, high = float(fit.quality.snr.min()), float(fit.quality.snr.max())
    axes.set_xlim(max(0.7 * low, 0.3), max(1.5 * high, 3.0))
    axes.set_xlabel("peak signal-to-noise ratio")
    axes.set_ylabel("spatial correlation")
    axes.set_title("Quality", pad=6)
    axes.legend(loc="lower right")


def _activity(axes: Axes, rate: float, fit: Fit, colours: Mapping[int, Any]) -> None:
    frames = fit.factors.C.shape[1]
    width = min(frames, int(_WINDOW_S * rate))
    chosen = list(colours)
    power = np.concatenate([[0.0], np.cumsum((fit.factors.C[chosen] ** 2).sum(axis=0))])
    start = int(np.argmax(power[width:] - power[:-width]))
    window = slice(start, start + width)
    time = np.arange(start, start + width) / rate
    for place, k in enumerate(chosen):
        calcium, left = fit.factors.C[k, window], fit.left[k, window]
        size = max(float((calcium + left).max()), 1e-9)
        level = -1.15 * place
        axes.plot(time, level + (calcium + left) / size, color="#c3c8ce", linewidth=0.9)
        axes.plot(time, level + calcium / size, color=colours[k], linewidth=1.7)
        spikes = np.flatnonzero(events(fit)[k, window])
        axes.plot(time[spikes], np.full(len(spikes), level - 0.1), "|", color=_INK, markersize=4)
        axes.text(time[0] - 0.01 * (time[-1] - time[0]), level + 0.2, str(k), ha="right",
                  color=colours[k], fontweight="bold")  # fmt: skip
    axes.set_xlim(time[0], time[-1])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("time (s)")
    axes.set_title("Fluorescence (grey), calcium (colour), events (ticks)", pad=6)
    if not chosen:
        axes.text(time[0], 0.5, "No component was accepted.", color=_SOFT, fontsize=14)
