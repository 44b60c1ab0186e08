#!/usr/bin/env python3
"""Draw figure 9 of the paper (Abe et al. 2021) from our own ensemble: consensus against single trackers.

    python scripts/figure_9.py --measure FETCHED    (numbers from the results of a job; then draws)
    python scripts/figure_9.py                      (draws the committed numbers; needs matplotlib)

FETCHED is what `neurocaas fetch` laid out of a job of ensemble-dgp with nine replicas on the sample of deepgraphpose, the
one in docs/analyses/ensemble-dgp/job.yaml. Numbers go to docs/analyses/ensemble-dgp/figure-9.json, the picture to
docs/images/ensemble-dgp-figure-9.png. Ensembles of three and five are subsets of the nine: all there are (84 and 126), not the
first ones; their consensus is computed here from the scoremaps of the replicas, by the code of the analysis.
"""

from __future__ import annotations

import argparse
import itertools
import json
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

_ROOT = Path(__file__).resolve().parent.parent
_NUMBERS = _ROOT / "docs/analyses/ensemble-dgp/figure-9.json"
_PICTURE = _ROOT / "docs/images/ensemble-dgp-figure-9.png"
_SIZES = (3, 5, 9)
_INK, _SOFT, _BLUE, _RED = "#22262b", "#8a929c", "#1f5fa8", "#c8501e"
_SHOWN = 150
_BINS = 8


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure if asked to, then draw; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--measure", type=Path, metavar="FETCHED")
    options = parser.parse_args(arguments)
    if options.measure:
        _NUMBERS.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(measure(options.measure), indent=1)
        _NUMBERS.write_text(text + "\n", encoding="ascii")
    draw(json.loads(_NUMBERS.read_text(encoding="ascii")), _PICTURE)
    return 0


def measure(fetched: Path) -> dict[str, Any]:
    """Return errors, roughness and spread of single trackers and of the consensus of 3, 5 and 9 of them."""
    sys.path.insert(0, str(_ROOT / "iae/dgp-consensus/src"))
    from dgp_consensus.combine import agree, log_sigmoid, soft_argmax

    scoring = runpy.run_path(str(_ROOT / "iae/dgp-consensus/sample/score.py"))
    truth = np.load(_ROOT / "iae/deepgraphpose/sample/truth.npz")["positions"].astype(np.float64)
    (combined,) = fetched.rglob("consensus.npz")
    with np.load(combined) as file:
        members, together, parts = file["replicas"], file["positions"], file["bodyparts"]
        kept = np.ones(len(truth), bool)
        kept[file["label_frames"][~file["held_out"]]] = False
    maps = _scoremaps(fetched)
    present, absent = ([log_sigmoid(sign * one) for one in maps] for sign in (1, -1))
    subsets: dict[str, Any] = {}
    for size in _SIZES:
        found = []
        for chosen in itertools.combinations(range(len(maps)), size):
            logits = _logsum([present[k] for k in chosen]) - _logsum([absent[k] for k in chosen])
            positions = soft_argmax(logits, 3.0, 2.0)
            found.append(scoring["ensemble"](members[list(chosen)], positions, truth, kept))
        subsets[str(size)] = {
            key: [_short(one[key]) for one in found]
            for key in found[0]
            if isinstance(found[0][key], float)
        }
    (nine,) = list(agree(maps))[-1:]
    np.testing.assert_allclose(soft_argmax(nine, 3.0, 2.0), together, atol=1e-9)
    spread = np.sqrt(((members - members.mean(axis=0)) ** 2).sum(axis=3).mean(axis=0))
    worst, part = np.unravel_index(spread.argmax(), spread.shape)
    start = int(np.clip(worst - _SHOWN // 2, 0, len(truth) - _SHOWN))
    shown = slice(start, start + _SHOWN)
    return {
        "frames_that_count": int(kept.sum()),
        "rmse_px_of_replicas": [_short(scoring["rmse"]((one - truth)[kept])) for one in members],
        "roughness_of_replicas": [_short(scoring["roughness"](one)) for one in members],
        "roughness": _short(scoring["roughness"](together)),
        "roughness_of_truth": _short(scoring["roughness"](truth)),
        "ensembles": subsets,
        "trace": {
            "part": str(parts[part]),
            "first_frame": start,
            "replicas": _table(members[:, shown, part, 0]),
            "consensus": _table(together[shown, part, 0]),
            "truth": _table(truth[shown, part, 0]),
        },
        "spread_px": _table(spread[kept].ravel()),
        "error_px": _table(np.linalg.norm(together - truth, axis=2)[kept].ravel()),
    }


def _scoremaps(fetched: Path) -> list[np.ndarray]:
    """Return the scoremaps of all replicas, in an order that does not matter to subsets."""
    return [
        np.load(path)["scoremaps"].astype(np.float64)
        for path in sorted(fetched.rglob("scoremaps.npz"))
    ]


def _logsum(values: list[np.ndarray]) -> np.ndarray:
    return np.logaddexp.reduce(values)


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _table(values: np.ndarray) -> Any:
    return np.round(values, 2).tolist()


def draw(numbers: dict[str, Any], path: Path) -> None:
    """Write the picture, at most 200 kB."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style = {
        "font.size": 10.5, "axes.titlesize": 12, "axes.titleweight": "bold", "axes.titlelocation": "left",
        "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": _SOFT, "legend.frameon": False,
    }  # fmt: skip
    with mpl.rc_context(style):
        figure = Figure(figsize=(13, 7.4), dpi=100)
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(
            2, 3, left=0.055, right=0.985, top=0.86, bottom=0.08, hspace=0.42, wspace=0.26
        )
        _traces(figure.add_subplot(grid[0, :]), numbers["trace"])
        _errors(figure.add_subplot(grid[1, 0]), numbers)
        _smoothness(figure.add_subplot(grid[1, 1]), numbers)
        _doubt(figure.add_subplot(grid[1, 2]), numbers)
        figure.text(0.055, 0.945, "Ensembles of trackers that differ in the order of minibatches only",
                    fontsize=16, fontweight="bold")  # fmt: skip
        figure.text(
            0.055, 0.912, f"Deep Graph Pose on a simulated mouse, 10 labelled frames; {numbers['frames_that_count']} other frames count. "
            "Ensembles of 3 and 5 are all subsets of one job's 9 trainings.", fontsize=11, color=_SOFT,
        )  # fmt: skip
        figure.savefig(path, metadata={"Software": None})


def _traces(axes: Any, trace: dict[str, Any]) -> None:
    frames = trace["first_frame"] + np.arange(len(trace["truth"]))
    for number, one in enumerate(trace["replicas"]):
        axes.plot(
            frames, one, color=_SOFT, linewidth=0.8, label="one tracker" if number == 0 else None
        )
    axes.plot(frames, trace["consensus"], color=_BLUE, linewidth=2, label="consensus of 9")
    axes.plot(frames, trace["truth"], color=_RED, linewidth=1, linestyle="--", label="truth")
    axes.set_title(
        f"A  x of the {trace['part'].replace('_', ' ')} (px), where trackers disagree most"
    )
    axes.set_xlim(frames[0], frames[-1])
    axes.set_xlabel("frame", labelpad=1)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3)


def _errors(axes: Any, numbers: dict[str, Any]) -> None:
    alone = numbers["rmse_px_of_replicas"]
    axes.plot(_jitter(1, len(alone)), alone, "o", color=_SOFT, markersize=5)
    axes.hlines(float(np.median(alone)), 0.7, 4.35, color=_SOFT, linestyle=":", linewidth=1)
    for place, size in enumerate(_SIZES, 2):
        errors = numbers["ensembles"][str(size)]["rmse_px"]
        axes.plot(_jitter(place, len(errors)), errors, "D", color=_BLUE, markersize=3 if len(errors) > 1 else 7,
                  alpha=0.5 if len(errors) > 1 else 1)  # fmt: skip
        axes.hlines(float(np.median(errors)), place - 0.3, place + 0.3, color=_INK, linewidth=1.8)
    axes.set_xticks(range(1, 5), ["one\ntracker", *(f"consensus\nof {size}" for size in _SIZES)])
    axes.set_ylim(bottom=0)
    axes.set_title("B  RMSE (px), equation 2")


def _smoothness(axes: Any, numbers: dict[str, Any]) -> None:
    alone = numbers["roughness_of_replicas"]
    axes.plot(_jitter(1, len(alone)), alone, "o", color=_SOFT, markersize=5)
    axes.plot([2], [numbers["roughness"]], "D", color=_BLUE, markersize=7)
    axes.axhline(numbers["roughness_of_truth"], color=_RED, linestyle="--", linewidth=1)
    axes.text(0.55, numbers["roughness_of_truth"], "truth", color=_RED, va="bottom", fontsize=9.5)
    axes.set_xlim(0.5, 2.5)
    axes.set_xticks((1, 2), ("one\ntracker", "consensus\nof 9"))
    axes.set_ylim(bottom=0)
    axes.set_title("C  Bend of the traces (px per frame²)")


def _doubt(axes: Any, numbers: dict[str, Any]) -> None:
    spread, error = np.array(numbers["spread_px"]), np.array(numbers["error_px"])
    axes.plot(spread, error, "o", color=_BLUE, markersize=3, alpha=0.25, markeredgewidth=0)
    edges = np.quantile(spread, np.linspace(0, 1, _BINS + 1))
    which = np.clip(np.searchsorted(edges, spread, side="right") - 1, 0, _BINS - 1)
    middle = [(np.median(spread[which == k]), np.mean(error[which == k])) for k in range(_BINS)]
    (rho,) = numbers["ensembles"]["9"]["spread_rank_correlation_with_error_of_consensus"]
    axes.plot(
        *np.array(middle).T,
        "-o",
        color=_INK,
        markersize=4,
        label=f"means of eighths; rank correlation {rho:.2f}",
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title("D  Error of the consensus (px)")
    axes.set_xlabel("spread of the trackers (px)")
    axes.set_ylim(0.02, 9)
    axes.legend(loc="upper left", fontsize=9.5)


def _jitter(place: float, count: int) -> np.ndarray:
    """Return places side by side, so that points do not hide each other; the same ones every time."""
    return place + (np.linspace(-0.22, 0.22, count) if count > 1 else np.zeros(1))


if __name__ == "__main__":
    sys.exit(main())
