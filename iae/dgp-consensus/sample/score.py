"""Hold a consensus against where the parts really were: figure 9 of Abe et al. 2021, in numbers.

    python score.py OUTPUTS [TRUTH]

prints the scores as JSON; exit code 1 and the bars that were missed when there are any. Needs numpy and scipy. Frames whose
labels the trackers were trained with do not count. TRUTH (truth.npz of this sample, unless another is
named) holds `positions` (frames, parts, 2) in pixels.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

_HERE = Path(__file__).resolve().parent


def rmse(error: np.ndarray) -> float:
    """Return equation 2 of errors (frames, parts, 2): squares summed over parts and coordinates, averaged over frames."""
    return float(np.sqrt((error**2).sum(axis=(1, 2)).mean()))


def roughness(positions: np.ndarray) -> float:
    """Return the mean length of second differences (pixels per frame squared) of (frames, parts, 2)."""
    return float(np.linalg.norm(np.diff(positions, n=2, axis=0), axis=2).mean())


def ensemble(members: np.ndarray, together: np.ndarray, truth: np.ndarray, kept: np.ndarray) -> dict[str, Any]:
    """Return how the consensus (frames, parts, 2) does beside its members (replicas, frames, parts, 2).

    `kept` says which frames count.
    """
    alone = [rmse((one - truth)[kept]) for one in members]
    rough = [roughness(one) for one in members]
    spread = np.sqrt(((members - members.mean(axis=0)) ** 2).sum(axis=3).mean(axis=0))[kept].ravel()
    of_members = np.linalg.norm(members - truth, axis=3).mean(axis=0)[kept].ravel()
    of_consensus = np.linalg.norm(together - truth, axis=2)[kept].ravel()
    consensus = rmse((together - truth)[kept])
    return {
        "replicas": len(members),
        "rmse_px_of_replicas": alone,
        "rmse_px": consensus,
        "rmse_over_median_replica": consensus / float(np.median(alone)),
        "rmse_over_best_replica": consensus / min(alone),
        "roughness_over_median_replica": roughness(together) / float(np.median(rough)),
        "roughness_over_truth": roughness(together) / roughness(truth),
        "spread_rank_correlation_with_error_of_a_replica": float(spearmanr(spread, of_members)[0]),
        "spread_rank_correlation_with_error_of_consensus": float(spearmanr(spread, of_consensus)[0]),
    }


def score(outputs: Path, truth: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the scores, and a sentence for every bar that was missed."""
    bars = json.loads((_HERE / "expected.json").read_text())
    with np.load(truth) as file:
        true = file["positions"].astype(np.float64)
    with np.load(outputs / "consensus.npz") as file:
        kept = np.ones(len(true), bool)
        kept[file["label_frames"][~file["held_out"]]] = False
        scores = ensemble(file["replicas"], file["positions"], true, kept)
    return scores, list(_missed(scores, bars))


def _missed(scores: dict[str, Any], bars: dict[str, Any]) -> Any:
    for name, bar in bars.items():
        if not bar.get("minimum", -np.inf) <= scores[name] <= bar.get("maximum", np.inf):
            yield f"{name} is {scores[name]}"


if __name__ == "__main__":
    _truth = Path(sys.argv[2]) if len(sys.argv) > 2 else _HERE / "truth.npz"  # noqa: PLR2004
    _scores, _sentences = score(Path(sys.argv[1]), _truth)
    sys.stdout.write(json.dumps(_scores, indent=2) + "\n")
    sys.stderr.writelines(f"missed: {line}\n" for line in _sentences)
    sys.exit(1 if _sentences else 0)
