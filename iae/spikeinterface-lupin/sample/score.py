"""Hold the spikes that the sorter found in the sample against the truth and the bars.

    python score.py OUTPUTS

prints the scores as JSON; exit code 1 and the bars that were missed when there are any. Needs numpy and
scipy. Two spikes are the same when they are at most 0.4 ms apart, each counted once; the accuracy of a unit is
same / (true + found - same), with the found unit that the best assignment of all gives it (Buccino et al. 2020).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

_HERE = Path(__file__).resolve().parent
_NEAR_S = 0.0004
_WELL = 0.8


def same(one: np.ndarray, other: np.ndarray, near: float) -> int:
    """Return how many events of two sorted lists (samples) go together within `near` samples."""
    i = j = count = 0
    while i < len(one) and j < len(other):
        apart = one[i] - other[j]
        if abs(apart) <= near:
            count, i, j = count + 1, i + 1, j + 1
        elif apart < 0:
            i += 1
        else:
            j += 1
    return count


def compare(
    truth: tuple[np.ndarray, np.ndarray], found: tuple[np.ndarray, np.ndarray], rate: float
) -> dict[str, Any]:
    """Return the scores of found (samples, units) against true ones at `rate` Hz."""
    true, ours = ([np.sort(s[u == k]) for k in np.unique(u)] for s, u in (truth, found))
    accuracy = np.zeros((len(true), max(len(ours), 1)))
    for a, one in enumerate(true):
        for b, other in enumerate(ours):
            shared = same(one, other, _NEAR_S * rate)
            accuracy[a, b] = shared / (len(one) + len(other) - shared)
    best = np.zeros(len(true))
    a, b = linear_sum_assignment(-accuracy)
    best[a] = accuracy[a, b]
    return {
        "true_units": len(true),
        "found_units": len(ours),
        "units_above_0.8": int(np.sum(best > _WELL)),
        "mean_accuracy": float(best.mean()),
        "accuracies": [round(float(x), 4) for x in best],
    }


def score(outputs: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the scores, and a sentence for every bar that was missed."""
    bars = json.loads((_HERE / "expected.json").read_text())
    with np.load(_HERE / "truth.npz") as file:
        truth = file["samples"], file["units"]
    with np.load(outputs / "spikes.npz") as file:
        found = file["spike_indexes_seg0"], file["spike_labels_seg0"]
        rate = float(file["sampling_frequency"][0])
    scores = compare(truth, found, rate)
    missed = [
        f"{name} is {scores[name]:.3f}, at least {bar['minimum']} is asked for"
        for name, bar in bars.items()
        if scores[name] < bar["minimum"]
    ]
    return scores, missed


if __name__ == "__main__":
    _scores, _missed = score(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(_scores, indent=2) + "\n")
    sys.stderr.writelines(f"missed: {line}\n" for line in _missed)
    sys.exit(1 if _missed else 0)
