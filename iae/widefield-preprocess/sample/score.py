"""Hold what the analysis found in the sample against the truth and the bars of expected.json.

    python score.py OUTPUTS

prints the scores as JSON; exit code 1 and the bars that were missed when there are any. Needs numpy
and scipy. Shifts are compared relative to their mean; the calcium signal (dF/F, all pixels of
the atlas) is the simulated one, not filtered.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
from scipy import sparse

_HERE = Path(__file__).resolve().parent


def score(outputs: Path) -> tuple[dict[str, float], list[str]]:
    """Return the scores, and a sentence for every bar that was missed."""
    bars = json.loads((_HERE / "expected.json").read_text())
    truth = np.load(_HERE / "truth.npz")
    brain = np.load(_HERE / "dataset/cortex.npz")["atlas"] > 0
    with (outputs / "motion.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    shifts = np.array([[float(row["down_px"]), float(row["right_px"])] for row in rows])
    shifts = shifts.reshape(truth["shifts"].shape)
    error = shifts - shifts.mean(axis=0) - (truth["shifts"] - truth["shifts"].mean(axis=0))
    images = truth["images"].astype(float)[:, brain]
    signal = images.T @ truth["courses"]
    signal -= signal.mean(axis=1, keepdims=True)
    found = np.load(outputs / "corrected.npz")
    corrected = found["U"].astype(float)[brain] @ found["V"]
    denoised = np.load(outputs / "denoised.npz")
    factors = sparse.csc_array(
        (denoised["U_data"], denoised["U_indices"], denoised["U_indptr"]),
        shape=denoised["U_shape"],
    )
    before = factors.tocsr()[np.flatnonzero(brain)] @ denoised["V_calcium"]
    before -= before.mean(axis=1, keepdims=True)
    power = np.sum(signal**2)
    scores = {
        "motion_true_rms_px": float(truth["shifts"].std(axis=0).mean()),
        # The worst of the two wavelengths and the two directions.
        "motion_rmse_px": float(np.sqrt(np.mean(error**2, axis=0)).max()),
        "r2_before_correction": float(1 - np.sum((before - signal) ** 2) / power),
        "r2_corrected": float(1 - np.sum((corrected - signal) ** 2) / power),
    }
    missed = []
    for name, bar in bars.items():
        if not bar.get("minimum", -np.inf) <= scores[name] <= bar.get("maximum", np.inf):
            missed.append(f"{name} is {scores[name]}")
    return scores, missed


if __name__ == "__main__":
    _scores, _missed = score(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(_scores, indent=2) + "\n")
    sys.stderr.writelines(f"missed: {line}\n" for line in _missed)
    sys.exit(1 if _missed else 0)
