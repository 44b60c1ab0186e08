"""Hold the tracks of the sample's mouse against where its parts really were.

    python score.py OUTPUTS

prints the scores as JSON; exit code 1 and the bars that were missed when there are any. Needs numpy. The ten frames whose
labels were trained with do not count.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

_HERE = Path(__file__).resolve().parent
_NEAR_PX = 5.0


def score(outputs: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the scores, and a sentence for every bar that was missed."""
    bars = json.loads((_HERE / "expected.json").read_text())
    with np.load(_HERE / "truth.npz") as file:
        truth = file["positions"].astype(np.float64)
    with np.load(_HERE / "dataset/mouse.npz") as file:
        kept = np.ones(len(truth), bool)
        kept[file["label_frames"][~file["held_out"]]] = False
    table = np.loadtxt(outputs / "tracks.csv", delimiter=",", skiprows=3)
    positions = table[:, 1:].reshape(len(truth), -1, 3)[..., :2]
    error = (positions - truth)[kept]
    distance = np.linalg.norm(error, axis=2)
    scores = {
        "rmse_px": float(np.sqrt((error**2).sum(axis=(1, 2)).mean())),
        "rmse_px_per_part": float(np.sqrt((error**2).sum(axis=2).mean())),
        "median_error_px": float(np.median(distance)),
        "share_within_5_px": float((distance < _NEAR_PX).mean()),
        "roughness_over_truth": _roughness(positions) / _roughness(truth),
        "frames": int(kept.sum()),
    }
    return scores, list(_missed(scores, bars))


def _roughness(positions: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(positions, n=2, axis=0), axis=2).mean())


def _missed(scores: dict[str, Any], bars: dict[str, Any]) -> Any:
    for name, bar in bars.items():
        if not bar.get("minimum", -np.inf) <= scores[name] <= bar.get("maximum", np.inf):
            yield f"{name} is {scores[name]}"


if __name__ == "__main__":
    _scores, _sentences = score(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(_scores, indent=2) + "\n")
    sys.stderr.writelines(f"missed: {line}\n" for line in _sentences)
    sys.exit(1 if _sentences else 0)
