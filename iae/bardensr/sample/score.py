"""Hold the spots that the analysis found in the sample against the truth and the bars.

    python score.py OUTPUTS

prints the scores as JSON; exit code 1 and the bars that were missed when there are any. Needs numpy
and scipy. The baseline is what is done without demixing: every pixel is correlated with every
barcode, peaks are spots, and both thresholds are those that suit the truth best.
"""

from __future__ import annotations

import csv
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.optimize import linear_sum_assignment

_HERE = Path(__file__).resolve().parent
_NEAR = 2.0  # pixels from the true place


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return places (n, 2) and genes (n,) of a list of spots."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    places = np.array([(float(row["y_px"]), float(row["x_px"])) for row in rows]).reshape(-1, 2)
    return places, np.array([row["gene"] for row in rows], dtype=str)


def compare(
    truth: tuple[np.ndarray, np.ndarray], found: tuple[np.ndarray, np.ndarray]
) -> dict[str, float]:
    """Return precision, recall and F1; a true spot is matched to one found of its gene at most."""
    near: list[float] = []
    for gene in np.unique(truth[1]):
        far = np.linalg.norm(
            truth[0][truth[1] == gene][:, None] - found[0][found[1] == gene], axis=2
        )
        far = np.where(far <= _NEAR, far, 1e6)
        matched = far[linear_sum_assignment(far)]
        near += matched[matched <= _NEAR].tolist()
    hits = len(near)
    precision, recall = hits / max(len(found[1]), 1), hits / len(truth[1])
    error = float(np.median(near)) if hits else float("inf")
    f1 = 2 * hits / (len(found[1]) + len(truth[1]))
    return {"precision": precision, "recall": recall, "f1": f1, "error_px": error}


def baseline(data: Any, truth: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    """Return the best scores that a threshold on correlation and one on brightness can give."""
    stack = data["images"].reshape(-1, *data["images"].shape[2:]).astype(float)
    stack -= np.percentile(stack, 20, axis=(1, 2), keepdims=True)
    stack /= np.percentile(stack, 99, axis=(1, 2), keepdims=True)  # gains, roughly
    stack = np.maximum(stack, 0)
    length = np.linalg.norm(stack, axis=0)
    codes = data["codebook"].reshape(len(data["codebook"]), -1).astype(float)
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    alike = np.tensordot(codes, stack / np.maximum(length, 1e-9), axes=1)
    best = alike == alike.max(axis=0)
    tries = []
    for least, dim in itertools.product(
        np.arange(0.5, 0.95, 0.025), np.quantile(length, np.arange(0, 0.9, 0.1))
    ):
        kept = np.where(best & (length > dim), alike * length, 0)
        peaks = (kept == maximum_filter(kept, size=(0, 3, 3))) & (kept > 0) & (alike > least)
        genes, rows, columns = np.nonzero(peaks & ~data["unused"][:, None, None])
        found = np.stack([rows, columns], axis=1).astype(float), data["genes"][genes]
        tries.append(compare(truth, found))
    return max(tries, key=lambda one: one["f1"])


def score(outputs: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the scores, and a sentence for every bar that was missed."""
    bars = json.loads((_HERE / "expected.json").read_text())
    truth = read(_HERE / "truth.csv")
    with np.load(_HERE / "dataset/tissue.npz") as file:
        data = {key: file[key] for key in file.files}
    scores = {
        "bardensr": compare(truth, read(outputs / "spots.csv")),
        "correlation_baseline": baseline(data, truth),
    }
    ours, theirs = scores["bardensr"], scores["correlation_baseline"]
    missed = []
    if ours["f1"] < bars["f1"]["minimum"]:
        missed.append(f"F1 is {ours['f1']:.3f}")
    if bars["f1_above_correlation_baseline"] and ours["f1"] <= theirs["f1"]:
        missed.append(f"F1 is {ours['f1']:.3f}, that of the baseline {theirs['f1']:.3f}")
    if ours["error_px"] > bars["median_error_px"]["maximum"]:
        missed.append(f"the median error of a place is {ours['error_px']:.2f} pixels")
    return scores, missed


if __name__ == "__main__":
    _scores, _missed = score(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(_scores, indent=2) + "\n")
    sys.stderr.writelines(f"missed: {line}\n" for line in _missed)
    sys.exit(1 if _missed else 0)
