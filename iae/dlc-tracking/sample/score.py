"""Hold what the analysis found in the sample against the truth and the bars of expected.json.

    python score.py OUTPUTS

prints the scores as JSON; exit code 1 and the bars that were missed when there are any.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent


def score(outputs: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the scores, and a sentence for every bar that was missed."""
    bars = json.loads((_HERE / "expected.json").read_text())
    metrics = json.loads((outputs / "metrics.json").read_text())
    rate = metrics["frame_rate_hz"]
    truth, found = _bouts(_HERE / "truth.csv"), _bouts(outputs / "bouts.csv")
    true_frames, found_frames = _frames(truth), _frames(found)
    marked = {int(r["frame"]) for r in _rows(outputs / "frames.csv") if r["freezing"] == "1"}
    least = bars["bouts"]["overlap_at_least"]
    pairs = [(t, f) for t in truth for f in found if _overlap(t, f) > least]
    edges = [abs(a - b) / rate for t, f in pairs for a, b in zip(t, f, strict=True)]
    scores = {
        "frame_f1": 2 * len(true_frames & marked) / (len(true_frames) + len(marked)),
        "bouts": len(found),
        "bout_recall": len({t for t, _ in pairs}) / len(truth),
        "bout_precision": len({f for _, f in pairs}) / max(len(found), 1),
        "worst_edge_s": max(edges, default=None),
        "body_length_px": metrics["body_length"],
    }
    length = bars["body_length_px"]
    checks = {
        "frame_f1": scores["frame_f1"] >= bars["frame_f1"]["minimum"],
        "bouts": scores["bouts"] == bars["bouts"]["found"],
        "bout_recall": scores["bout_recall"] >= bars["bouts"]["recall"],
        "bout_precision": scores["bout_precision"] >= bars["bouts"]["precision"],
        "worst_edge_s": bool(edges) and max(edges) <= bars["edge_error_s"]["maximum"],
        "body_length_px": abs(scores["body_length_px"] / length["value"] - 1)
        <= length["tolerance_relative"],
    }
    missed = [f"{name} is {scores[name]}" for name, met in checks.items() if not met]
    if marked != found_frames:
        missed.append("bouts.csv and frames.csv do not say the same")
    return scores, missed


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _bouts(path: Path) -> list[tuple[int, int]]:
    return [(int(row["first_frame"]), int(row["last_frame"])) for row in _rows(path)]


def _frames(bouts: list[tuple[int, int]]) -> set[int]:
    return {frame for first, last in bouts for frame in range(first, last + 1)}


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    both = max(0, min(one[1], other[1]) - max(one[0], other[0]) + 1)
    return both / (max(one[1], other[1]) - min(one[0], other[0]) + 1)


if __name__ == "__main__":
    _scores, _missed = score(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(_scores, indent=2) + "\n")
    sys.stderr.writelines(f"missed: {line}\n" for line in _missed)
    sys.exit(1 if _missed else 0)
