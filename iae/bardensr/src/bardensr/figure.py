"""Draw what one looks at first: where the spots are, what explains them, and which are doubtful."""

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
from matplotlib.patheffects import withStroke

from bardensr.fit import Fit
from bardensr.optics import Array
from bardensr.spots import Spots
from bardensr.stack import Stack

_INK, _SOFT, _BLUE, _RED = "#22262b", "#8a929c", "#1f5fa8", "#c8501e"
_SHOWN = 40  # genes with a bar of their own
_COLOURED = 20
_WINDOW = 16  # pixels of the part that is shown enlarged
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
    path: Path, stack: Stack, fit: Fit, spots: Spots, kept: Spots, metrics: Mapping[str, Any]
) -> None:
    """Write a PNG of 1600 x 1000 pixels; the same results give the same bytes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 10), dpi=100)
        FigureCanvasAgg(figure)
        top = figure.add_gridspec(1, 3, left=0.03, right=0.985, top=0.86, bottom=0.42,
                                  wspace=0.1, width_ratios=(1, 1, 1.15))  # fmt: skip
        clean = (
            stack.images
            - fit.background
            - fit.offset.reshape(stack.images.shape[:2])[..., None, None]
        )
        colours = _colours(stack, kept)
        brightest = clean.max(axis=(0, 1))
        window = _window(kept, brightest.shape)
        _overview(figure.add_subplot(top[0]), brightest, kept, colours, window)
        _closer(figure.add_subplot(top[1]), brightest, kept, colours, window, stack)
        _frames(figure, top[2], stack, clean, clean - fit.residual.reshape(clean.shape), window)
        bottom = figure.add_gridspec(1, 3, left=0.05, right=0.985, top=0.335, bottom=0.1,
                                     wspace=0.16, width_ratios=(1.9, 1.15, 0.55))  # fmt: skip
        _genes(figure.add_subplot(bottom[0]), stack, kept, colours)
        _scores(figure.add_subplot(bottom[1]), stack, spots, metrics)
        _chemistry(figure.add_subplot(bottom[2]), fit)
        figure.text(0.03, 0.948, _headline(metrics), fontsize=18, fontweight="bold")
        figure.text(0.03, 0.917, _subline(metrics), fontsize=12, color=_SOFT)
        figure.savefig(path, metadata={"Software": None})


def _headline(metrics: Mapping[str, Any]) -> str:
    return (
        f"Barcode demixing: {metrics['spots']} spots of "
        f"{sum(count > 0 for count in metrics['spots_by_gene'].values())} genes"
    )


def _subline(metrics: Mapping[str, Any]) -> str:
    rate = metrics["false_discovery_rate"]
    false = (
        "no unused barcodes to tell how many are false"
        if rate is None
        else f"{100 * rate:.1f} % of them false, as unused barcodes tell"
    )
    return (
        f"{metrics['rounds']} rounds × {metrics['channels']} channels of {metrics['height']} × "
        f"{metrics['width']} pixels  ·  {false}  ·  the model explains "
        f"{100 * metrics['r2']:.1f} % of the variance"
    )


def _colours(stack: Stack, kept: Spots) -> dict[int, Any]:
    """Give the most frequent genes a colour; the others share a grey."""
    counts = np.bincount(kept.barcodes, minlength=len(stack.genes))
    order = np.argsort(-counts, kind="stable")[:_COLOURED]
    table = mpl.colormaps["tab20"]
    return {int(gene): table(number) for number, gene in enumerate(order) if counts[gene]}


def _window(kept: Spots, shape: tuple[int, int]) -> tuple[int, int, int]:
    """Return row, column and side of the square with most spots."""
    side = min(_WINDOW, *shape)
    best, most = (0, 0), -1
    for row in range(0, shape[0] - side + 1, 2):
        for column in range(0, shape[1] - side + 1, 2):
            inside = (kept.places >= (row, column)) & (kept.places < (row + side, column + side))
            count = int(inside.all(axis=1).sum())
            if count > most:
                best, most = (row, column), count
    return (*best, side)


def _background(axes: Axes, image: Array) -> None:
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=max(float(np.percentile(image, 99.7)), 1e-9),
                interpolation="nearest")  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(True)


def _marks(axes: Axes, kept: Spots, colours: Mapping[int, Any], size: float, width: float) -> None:
    edge = [colours.get(int(barcode), _SOFT) for barcode in kept.barcodes]
    axes.scatter(kept.places[:, 1], kept.places[:, 0], s=size, facecolors="none", edgecolors=edge,
                 linewidths=width)  # fmt: skip


def _overview(
    axes: Axes,
    image: Array,
    kept: Spots,
    colours: Mapping[int, Any],
    window: tuple[int, int, int],
) -> None:
    _background(axes, image)
    height, width = image.shape
    _marks(axes, kept, colours, 6e4 / max(height, width) ** 1.6 + 4, 1.3)
    row, column, side = window
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), side, side, fill=False, edgecolor=_INK,
                             linewidth=1.4))  # fmt: skip
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.set_title("Brightest frame of every pixel, spots by gene")


def _closer(
    axes: Axes,
    image: Array,
    kept: Spots,
    colours: Mapping[int, Any],
    window: tuple[int, int, int],
    stack: Stack,
) -> None:
    row, column, side = window
    _background(axes, image)
    inside = ((kept.places >= (row - 0.5, column - 0.5))
              & (kept.places < (row + side - 0.5, column + side - 0.5))).all(axis=1)  # fmt: skip
    some = kept.where(inside)
    _marks(axes, some, colours, 300, 2.2)
    for (y, x), barcode in zip(some.places, some.barcodes, strict=True):
        axes.annotate(
            stack.genes[barcode][-8:], (x, y), (0, 10), textcoords="offset points", ha="center",
            fontsize=9, color=_INK, clip_on=True,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )  # fmt: skip
    axes.set_xlim(column - 0.5, column + side - 0.5)
    axes.set_ylim(row + side - 0.5, row - 0.5)
    size = stack.pixel_size
    scale = f" ({side * size:.1f} µm across)" if size else ""
    axes.set_title(f"The square, enlarged{scale}")


def _frames(
    figure: Figure,
    place: Any,
    stack: Stack,
    clean: Array,
    model: Array,
    window: tuple[int, int, int],
) -> None:
    """Show up to four channels of the first round: data, model and what is left."""
    row, column, side = window
    channels = min(stack.images.shape[1], 4)
    grid = place.subgridspec(3, channels, wspace=0.06, hspace=0.06)
    part = np.s_[row : row + side, column : column + side]
    most = max(float(np.percentile(clean[0][(slice(None), *part)], 99.5)), 1e-9)
    for channel in range(channels):
        data, fitted = clean[0, channel][part], model[0, channel][part]
        for line, (image, colours, low) in enumerate(
            ((data, "gray_r", 0.0), (fitted, "gray_r", 0.0), (data - fitted, "RdBu_r", -most))
        ):
            axes = figure.add_subplot(grid[line, channel])
            axes.imshow(image, cmap=colours, vmin=low, vmax=most, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            for edge in axes.spines.values():
                edge.set_visible(True)
            if channel == 0:
                axes.set_ylabel(("images", "model", "left over")[line])
            if line == 0 and channel == 0:
                axes.set_title("The square in round 1, by channel")


def _genes(axes: Axes, stack: Stack, kept: Spots, colours: Mapping[int, Any]) -> None:
    counts = np.bincount(kept.barcodes, minlength=len(stack.genes))
    used = [int(g) for g in np.argsort(-counts, kind="stable") if not stack.unused[g]]
    shown = used[:_SHOWN]
    axes.bar(np.arange(len(shown)), counts[shown], width=0.8,
             color=[colours.get(gene, _SOFT) for gene in shown])  # fmt: skip
    axes.set_xticks(np.arange(len(shown)), [stack.genes[gene][:12] for gene in shown],
                    rotation=90, fontsize=8.5)  # fmt: skip
    axes.set_xlim(-0.6, len(shown) - 0.4)
    more = f" (the first {_SHOWN} of {len(used)})" if len(used) > _SHOWN else ""
    axes.set_title(f"Spots of each gene{more}")
    axes.set_ylabel("spots")


def _scores(axes: Axes, stack: Stack, spots: Spots, metrics: Mapping[str, Any]) -> None:
    cut = max(metrics["score_cut"], 1e-3)
    seen = spots.scores[spots.scores > 1]
    if len(seen):
        edges = np.geomspace(1, float(seen.max()) * 1.05, 40)
        idle = stack.unused[spots.barcodes]
        axes.hist(spots.scores[~idle], edges, color=_BLUE, alpha=0.85, label="genes")
        if stack.unused.any():
            axes.hist(spots.scores[idle], edges, color=_RED, alpha=0.9, label="unused barcodes")
        axes.set_xscale("log")
        axes.set_ylim(0, 1.35 * axes.get_ylim()[1])
        axes.axvline(cut, color=_INK, linewidth=1.2, linestyle="--")
        axes.text(cut, 0.97, f"cut at {cut:.3g}  ", transform=axes.get_xaxis_transform(),
                  ha="right", va="top", fontsize=10)  # fmt: skip
        axes.legend(loc="upper left", bbox_to_anchor=(0.0, 0.88), fontsize=10)
    axes.set_title("Which peaks count")
    axes.set_xlabel("score: intensity in standard deviations of noise")
    axes.set_ylabel("peaks")


def _chemistry(axes: Axes, fit: Fit) -> None:
    bleed = fit.response.bleed
    count = len(bleed)
    axes.imshow(bleed, cmap="Blues", vmin=0, vmax=1)
    if count <= 6:  # noqa: PLR2004 - numbers would overlap
        for (row, column), share in np.ndenumerate(bleed):
            axes.text(column, row, f"{share:.2f}", ha="center", va="center", fontsize=9,
                      color="white" if share > 0.5 else _INK)  # fmt: skip
    axes.set_xticks(np.arange(count), [str(c + 1) for c in range(count)])
    axes.set_yticks(np.arange(count), [str(c + 1) for c in range(count)])
    axes.set_xlabel("dye of channel")
    axes.set_ylabel("seen in channel")
    axes.set_title("Colour bleed")
