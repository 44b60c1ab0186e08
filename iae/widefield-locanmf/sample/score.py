"""Hold what the analysis found in the sample against the truth and the bars of expected.json.

    python score.py OUTPUTS

prints the scores as JSON; exit code 1 and the bars that were missed when there are any. Needs numpy
and scipy. Every true component is matched to another found one of its region, by correlation.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

_HERE = Path(__file__).resolve().parent


def score(outputs: Path) -> tuple[dict[str, float], list[str]]:
    """Return the scores, and a sentence for every bar that was missed."""
    bars = json.loads((_HERE / "expected.json").read_text())
    truth = np.load(_HERE / "truth.npz")
    data = np.load(_HERE / "steps/preprocess/corrected.npz")
    found = np.load(outputs / "components.npz")
    count = len(truth["courses"])
    both = np.corrcoef(np.vstack([truth["courses"], found["C"]]))[:count, count:]
    both = np.where(truth["regions"][:, None] == found["regions"], both, -1.0)
    rows, columns = linear_sum_assignment(-both)
    matched = both[rows, columns]
    movie = data["U"].astype(float) @ data["V"].astype(float)
    rest = movie - np.einsum("nhw,nt->hwt", found["A"], found["C"])
    home = found["atlas"] == found["regions"][:, None, None]
    power = found["A"] ** 2
    scores = {
        "true_components": count,
        "found_components": len(found["C"]),
        "matched": len(matched),
        "correlation_mean": float(matched.mean()),
        "correlation_minimum": float(matched.min()),
        "r2": float(1 - np.sum(rest**2) / np.sum(movie**2)),
        "localization_minimum": float(
            ((power * home).sum(axis=(1, 2)) / power.sum(axis=(1, 2))).min()
        ),
    }
    course = bars["course_correlation"]
    checks = {
        "matched": scores["matched"] == count,
        "correlation_mean": scores["correlation_mean"] >= course["mean_minimum"],
        "correlation_minimum": scores["correlation_minimum"] >= course["each_minimum"],
        "r2": scores["r2"] >= bars["r2"]["minimum"],
        "localization_minimum": scores["localization_minimum"] >= bars["localization"]["minimum"],
    }
    missed = [f"{name} is {scores[name]}" for name, met in checks.items() if not met]
    if found["A"].min() < 0:
        missed.append("an image has negative values")
    return scores, missed


if __name__ == "__main__":
    _scores, _missed = score(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(_scores, indent=2) + "\n")
    sys.stderr.writelines(f"missed: {line}\n" for line in _missed)
    sys.exit(1 if _missed else 0)
