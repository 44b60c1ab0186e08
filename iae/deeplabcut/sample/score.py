"""Hold the tracks of the sample's mouse against where its parts really were.

    python score.py OUTPUTS

prints the scores as JSON; exit code 1 and the bars that were missed when there are any. Needs numpy. Frames whose labels
were trained with do not count: labels.csv names them, and a picture is named after its frame in the video.
"""

from __future__ import annotations

import csv
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
    with (outputs / "labels.csv").open(encoding="utf-8", newline="") as file:
        trained = {row["picture"] for row in csv.DictReader(file) if row["set"] == "train"}
    kept = np.array([f"img{frame:03d}.png" not in trained for frame in range(len(truth))])
    table = np.loadtxt(outputs / "tracks.csv", delimiter=",", skiprows=3)
    positions = table[:, 1:].reshape(len(truth), -1, 3)[..., :2]
    distance = np.linalg.norm(positions - truth, axis=2)[kept]
    scores = {
        "rmse_px": float(np.sqrt((distance**2).mean())),
        "median_error_px": float(np.median(distance)),
        "share_within_5_px": float((distance < _NEAR_PX).mean()),
        "largest_error_px": float(distance.max()),
        "frames": int(kept.sum()),
        "frames_trained_with": len(trained),
    }
    return scores, list(_missed(scores, bars))


def _missed(scores: dict[str, Any], bars: dict[str, Any]) -> Any:
    for name, bar in bars.items():
        if not bar.get("minimum", -np.inf) <= scores[name] <= bar.get("maximum", np.inf):
            yield f"{name} is {scores[name]}"


if __name__ == "__main__":
    _scores, _sentences = score(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(_scores, indent=2) + "\n")
    sys.stderr.writelines(f"missed: {line}\n" for line in _sentences)
    sys.exit(1 if _sentences else 0)
