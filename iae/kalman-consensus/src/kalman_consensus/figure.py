"""Draw the consensus over the raw samples, what every replica said, and who predicts better."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kalman_consensus.combine import Consensus, summarise
from kalman_consensus.members import Array, Members

_WINDOW = 250
_PANELS = 4
_MOST_NAMES = 32
_MANY_NAMES = 16
_BAND = 1.96
_INK, _SOFT, _LINE, _WARM = "#22262b", "#8a929c", "#1f5fa8", "#c8501e"
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


def draw(path: Path, members: Members, consensus: Consensus) -> None:
    """Write a PNG of 1600 x 1000 pixels; the same results give the same bytes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 10), dpi=100)
        FigureCanvasAgg(figure)
        window = _window(members.observations)
        shown = _channels(consensus)
        left = figure.add_gridspec(
            len(shown), 1, left=0.065, right=0.62, top=0.855, bottom=0.075, hspace=0.34
        )
        right = figure.add_gridspec(
            2, 1, left=0.70, right=0.975, top=0.855, bottom=0.075, hspace=0.34,
            height_ratios=(1.0, 1.25),
        )  # fmt: skip
        time, label = _time(members, window)
        panels = [figure.add_subplot(left[row]) for row in range(len(shown))]
        for axes, channel in zip(panels, shown, strict=True):
            _activity(axes, members, consensus, channel, window, time)
            axes.tick_params(labelbottom=axes is panels[-1])
        panels[-1].set_xlabel(label)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="upper left", bbox_to_anchor=(0.058, 0.921), ncols=4,
            columnspacing=1.5, handlelength=1.4, borderpad=0, fontsize=11.5,
        )  # fmt: skip
        _held_out(figure.add_subplot(right[0]), members)
        _spread(figure.add_subplot(right[1]), members, consensus)
        figure.text(0.065, 0.958, _headline(members), fontsize=18, fontweight="bold")
        figure.text(0.065, 0.931, _subline(members, window), fontsize=12, color=_SOFT)
        figure.savefig(path, metadata={"Software": None})


def _headline(members: Members) -> str:
    count = members.observations.shape[1]
    channels = f"{count} channels" if count > 1 else "one channel"
    return f"Consensus of {len(members.mean)} linear dynamical systems: {channels}"


def _subline(members: Members, window: slice) -> str:
    samples, channels = members.observations.shape
    parts = [f"every system was fitted without its own fold of the {samples} samples"]
    if window.stop - window.start < samples:
        parts.append(f"samples {window.start + 1} to {window.stop} are shown")
    if channels > _PANELS:
        parts.append("channels from most to least agreed")
    return "  ·  ".join(parts)


def _window(y: Array) -> slice:
    """Return the stretch of at most 250 samples with the fewest missing values, the first such."""
    width = min(len(y), _WINDOW)
    missing = np.concatenate([[0], np.cumsum(np.isnan(y).sum(axis=1))])
    start = int(np.argmin(missing[width:] - missing[:-width]))
    return slice(start, start + width)


def _time(members: Members, window: slice) -> tuple[Array, str]:
    samples = np.arange(window.start, window.stop, dtype=np.float64)
    if members.sampling_rate is None:
        return samples, "sample"
    return samples / members.sampling_rate, "time (s)"


def _share(consensus: Consensus) -> Array:
    """Return how much of each channel's posterior variance the replicas disagree about."""
    total = np.mean(consensus.sd**2, axis=0)
    share: Array = np.mean(consensus.between**2, axis=0) / np.where(total > 0, total, 1.0)
    return share


def _channels(consensus: Consensus) -> list[int]:
    order = np.argsort(_share(consensus), kind="stable")
    picks = np.linspace(0, len(order) - 1, min(_PANELS, len(order))).round().astype(int)
    return [int(order[pick]) for pick in picks]


def _named(members: Members, channel: int) -> tuple[str, str]:
    """Return name and unit of a channel; `name [unit]` says the unit of one channel."""
    name, bracket, rest = members.channels[channel].partition("[")
    if bracket and rest.endswith("]"):
        return name.strip(), rest[:-1].strip()
    return members.channels[channel], members.units or "a.u."


def _activity(
    axes: Axes, members: Members, consensus: Consensus, channel: int, window: slice, time: Array
) -> None:
    raw = members.observations[window, channel]
    mean, sd = consensus.mean[window, channel], consensus.sd[window, channel]
    axes.plot(time, raw, ".", color=_INK, markersize=4, label="raw sample")
    axes.fill_between(time, mean - _BAND * sd, mean + _BAND * sd, color=_LINE, alpha=0.28,
                      linewidth=0, label="95 % credible, all replicas")  # fmt: skip
    for k, replica in enumerate(members.mean[:, window, channel]):
        axes.plot(time, replica, color=_WARM, linewidth=0.8, alpha=0.8,
                  label="one replica" if k == 0 else None)  # fmt: skip
    axes.plot(time, mean, color=_LINE, linewidth=1.8, label="consensus")
    name, unit = _named(members, channel)
    axes.set_title(name, pad=4)
    axes.set_title(f"{100 * _share(consensus)[channel]:.0f} % of variance between replicas",
                   loc="right", fontsize=11, fontweight="normal", color=_SOFT, pad=4)  # fmt: skip
    axes.set_ylabel(unit)
    axes.set_xlim(time[0], time[-1] if len(time) > 1 else time[0] + 1)
    axes.margins(y=0.06)


def _held_out(axes: Axes, members: Members) -> None:
    pair = (members.white_noise / members.values, members.lds / members.values)
    for white, lds in zip(*pair, strict=True):
        axes.plot((0, 1), (white, lds), color=_SOFT, linewidth=1, marker="o", markersize=5)
    for place, side, total, colour in (
        (0, "right", members.white_noise, _INK),
        (1, "left", members.lds, _LINE),
    ):
        both = summarise(total, members.values)
        shift = -0.16 if side == "right" else 0.16
        axes.errorbar(place + shift, both.mean, yerr=both.sd, fmt="D", color=colour, capsize=5,
                      markersize=7, linewidth=1.8)  # fmt: skip
        axes.annotate(f"{both.mean:.3f}\n± {both.sd:.3f}", (place + shift, both.mean),
                      (-12 if side == "right" else 12, 0), textcoords="offset points", ha=side,
                      va="center", color=colour, fontsize=11.5)  # fmt: skip
    gain = summarise(members.lds - members.white_noise, members.values)
    axes.set_title(f"Held-out log-likelihood: LDS {gain.mean:+.3f} ± {gain.sd:.3f}")
    axes.set_ylabel("nats per value")
    axes.set_xlim(-0.75, 1.75)
    axes.set_xticks((0, 1), ("white noise", "LDS"))
    axes.tick_params(axis="x", length=0)
    axes.margins(y=0.18)


def _spread(axes: Axes, members: Members, consensus: Consensus) -> None:
    scale = np.nanstd(members.observations, axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    within = np.sqrt(np.mean(consensus.within**2, axis=0)) / scale
    between = np.sqrt(np.mean(consensus.between**2, axis=0)) / scale
    order = np.argsort(-between, kind="stable")[:_MOST_NAMES]
    rows = np.arange(len(order))[::-1]
    axes.hlines(rows, 0, within[order], color=_SOFT, linewidth=0.8, alpha=0.6)
    axes.plot(
        within[order], rows, "o", color=_LINE, markersize=6, label="each replica is unsure by"
    )
    axes.plot(between[order], rows, "D", color=_WARM, markersize=5, label="replicas differ by")
    axes.set_yticks(rows, [_named(members, int(c))[0] for c in order],
                    fontsize=11 if len(order) <= _MANY_NAMES else 8)  # fmt: skip
    axes.set_ylim(-0.7, len(order) - 0.3)
    axes.set_xlim(left=0)
    axes.set_title("Uncertainty of the smoothed signal", pad=30)
    axes.set_xlabel("standard deviations of the channel")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, fontsize=11, borderpad=0.2,
                columnspacing=1.5, handletextpad=0.2)  # fmt: skip
