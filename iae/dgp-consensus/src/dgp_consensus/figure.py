"""Draw where replicas disagree, what the consensus makes of it, and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, MaxNLocator, NullFormatter

from dgp_consensus.combine import Array, Consensus, spread
from dgp_consensus.members import Members

_INK, _SOFT, _BLUE, _RED = "#22262b", "#8a929c", "#1f5fa8", "#c8501e"
_PICTURES, _SPAN = 5, 300
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
    path: Path, members: Members, consensus: Consensus, video: Array, metrics: Mapping[str, Any]
) -> None:
    """Write a PNG of 1600 x 1000 pixels; the same results give the same bytes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 10), dpi=100)
        FigureCanvasAgg(figure)
        scatter = spread(consensus.members)
        top = figure.add_gridspec(
            1, _PICTURES, left=0.05, right=0.985, top=0.84, bottom=0.56, wspace=0.06
        )
        for place, frame in enumerate(_disputed(scatter)):
            _picture(figure.add_subplot(top[0, place]), consensus, video, frame, scatter)
        low = figure.add_gridspec(
            2, 3, left=0.05, right=0.985, top=0.5, bottom=0.065, wspace=0.22, hspace=0.14,
            width_ratios=(2.2, 1, 1),
        )  # fmt: skip
        pair = [figure.add_subplot(low[row, 0]) for row in range(2)]
        _traces(pair, members, consensus, scatter)
        _errors(figure.add_subplot(low[:, 1]), metrics)
        _doubt(figure.add_subplot(low[:, 2]), members, consensus, scatter, metrics)
        figure.text(0.05, 0.945, _headline(metrics), fontsize=18, fontweight="bold")
        figure.text(0.05, 0.91, _subline(metrics), fontsize=12, color=_SOFT)
        figure.savefig(path, metadata={"Software": None})


def _headline(metrics: Mapping[str, Any]) -> str:
    errors = metrics["rmse_px"]
    if errors["consensus"] is None:
        return f"Consensus of {metrics['replicas']} trackers; no label was held out to judge it by"
    return (
        f"Consensus of {metrics['replicas']} trackers: RMSE {errors['consensus']:.2f} px, by themselves "
        f"{min(errors['replicas']):.2f} to {max(errors['replicas']):.2f} px"
    )


def _subline(metrics: Mapping[str, Any]) -> str:
    rough = metrics["roughness_px_per_frame2"]
    return (
        f"{metrics['frames']} frames  ·  {len(metrics['bodyparts'])} body parts  ·  {metrics['held_out_frames']} labelled frames "
        f"held out  ·  spread {metrics['spread_px']['mean']:.2f} px  ·  traces bend by {rough['consensus']:.2f} px per frame², "
        f"a single tracker's by {np.median(rough['replicas']):.2f}"
    )


def _disputed(scatter: Array) -> list[int]:
    """Return frames in which replicas disagree most, none of them neighbours, in order of time."""
    worst = np.argsort(-scatter.max(axis=1), kind="stable")
    chosen: list[int] = []
    apart = max(1, min(10, len(scatter) // (4 * _PICTURES)))
    for frame in worst:
        if all(abs(int(frame) - other) >= apart for other in chosen):
            chosen.append(int(frame))
        if len(chosen) == _PICTURES:
            break
    return sorted(chosen)


def _picture(axes: Axes, consensus: Consensus, video: Array, frame: int, scatter: Array) -> None:
    axes.imshow(video[frame], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    colours = mpl.colormaps["turbo"](np.linspace(0.08, 0.92, consensus.members.shape[2]))
    for places in consensus.members[:, frame]:
        axes.scatter(places[:, 0], places[:, 1], c=colours, s=14, marker="x", linewidths=1.0)
    agreed = consensus.positions[-1, frame]
    axes.scatter(agreed[:, 0], agreed[:, 1], c=colours, s=62, edgecolors="white", linewidths=1.2, zorder=3)
    axes.set_title(f"frame {frame}: spread to {scatter[frame].max():.1f} px", fontsize=11)
    axes.set_xlim(-0.5, video.shape[2] - 0.5)
    axes.set_ylim(video.shape[1] - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_yticks([])


def _traces(pair: list[Axes], members: Members, consensus: Consensus, scatter: Array) -> None:
    part = int(scatter.mean(axis=0).argmax())
    count = min(_SPAN, len(scatter))
    middle = int(scatter[:, part].argmax())
    start = int(np.clip(middle - count // 2, 0, len(scatter) - count))
    window = slice(start, start + count)
    times = np.arange(start, start + count)
    known = members.held_out & (members.label_frames >= start) & (members.label_frames < start + count)
    for axes, coordinate, name in zip(pair, range(2), ("x", "y"), strict=True):
        for k, one in enumerate(consensus.members[:, window, part, coordinate]):
            axes.plot(times, one, color=_SOFT, linewidth=0.8, label="one tracker" if k == 0 else None)
        axes.plot(times, consensus.positions[-1, window, part, coordinate], color=_BLUE, linewidth=1.8,
                  label="consensus")  # fmt: skip
        axes.plot(members.label_frames[known], members.labels[known, part, coordinate], "+",
                  color=_RED, markersize=7, label="label, held out")  # fmt: skip
        axes.set_ylabel(f"{name} (px)")
        axes.set_xlim(times[0], times[-1])
    pair[0].set_title(f"Least agreed on: {members.bodyparts[part]}")
    pair[0].tick_params(labelbottom=False)
    pair[0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, fontsize=10, borderpad=0)
    pair[1].set_xlabel("frame")


def _errors(axes: Axes, metrics: Mapping[str, Any]) -> None:
    axes.set_title("RMSE of held-out labels")
    errors = metrics["rmse_px"]
    if errors["consensus"] is None:
        axes.text(0.5, 0.5, "no label was held out", ha="center", transform=axes.transAxes, color=_SOFT)
        axes.set_axis_off()
        return
    numbers = np.arange(1, metrics["replicas"] + 1)
    axes.plot(numbers, errors["replicas"], "o", color=_SOFT, label="each tracker")
    axes.plot(numbers, errors["consensus_of_first"], "D-", color=_BLUE, label="consensus of the first n")
    axes.axhline(float(np.median(errors["replicas"])), color=_SOFT, linewidth=0.8, linestyle=":")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("tracker, and n (dotted: median tracker)")
    axes.set_ylabel("px")
    axes.legend(loc="lower left", fontsize=10)


def _doubt(
    axes: Axes, members: Members, consensus: Consensus, scatter: Array, metrics: Mapping[str, Any]
) -> None:
    frames, labels = members.label_frames[members.held_out], members.labels[members.held_out]
    found = metrics["spread_error_rank_correlation"]
    if found is None:
        axes.hist(scatter.ravel(), bins=40, color=_SOFT)
        axes.set_title("Spread of the trackers")
        axes.set_xlabel("px")
        axes.set_ylabel("positions")
        return
    errors = np.linalg.norm(consensus.members[:, frames] - labels, axis=-1).mean(axis=0)
    axes.loglog(scatter[frames].ravel(), errors.ravel(), "o", color=_BLUE, markersize=4, alpha=0.5)
    axes.set_title(f"Spread tells of error (ρ = {found:.2f})")
    axes.set_xlabel("spread of the trackers (px)")
    axes.set_ylabel("mean error of a tracker, held-out labels (px)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FormatStrFormatter("%g"))
        axis.set_minor_formatter(NullFormatter())
