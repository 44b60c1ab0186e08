"""Hold what the analysis found in the sample against what moved in it, and against PCA.

    python score.py OUTPUTS

prints the scores as JSON; exit code 1 and the bars that were missed when there are any. Needs numpy.
Everything counts in held-out frames only. Labels are the true ones; PCA has as many components as the
network has latents; the movements that nobody labelled are read from the unsupervised latents by a
cubic regression on training frames.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

_HERE = Path(__file__).resolve().parent


def r2(found: np.ndarray, truth: np.ndarray) -> list[float]:
    """Return the explained share of the variance of each column."""
    return (1 - ((found - truth) ** 2).sum(0) / ((truth - truth.mean(0)) ** 2).sum(0)).tolist()


def pca_r2(frames: np.ndarray, held_out: np.ndarray, size: int) -> float:
    """Return what the first `size` principal components of training frames explain of the others."""
    flat = frames.reshape(len(frames), -1) / 255
    mean = flat[~held_out].mean(axis=0)
    axes = np.linalg.svd(flat[~held_out] - mean, full_matrices=False)[2][:size]
    test = flat[held_out] - mean
    return float(1 - ((test - test @ axes.T @ axes) ** 2).sum() / (test**2).sum())


def score(outputs: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the scores, and a sentence for every bar that was missed."""
    bars = json.loads((_HERE / "expected.json").read_text())
    with np.load(_HERE / "dataset/behaviour.npz") as file:
        frames, labels, held_out = file["frames"], file["labels"], file["held_out"]
    with np.load(_HERE / "truth.npz") as file:
        hidden = file["hidden"]
    with np.load(outputs / "latents.npz") as file:
        latents, found, decoded = file["latents"], file["labels"], file["held_out_frames"]
    mean = frames[~held_out].mean(axis=0)
    error = np.sum((decoded.astype(float) - frames[held_out]) ** 2)
    explained = float(1 - error / np.sum((frames[held_out] - mean) ** 2))
    free = latents[:, labels.shape[1] :].astype(float)
    powers = np.hstack([np.ones((len(free), 1)), free, free**2, free**3])
    weights = np.linalg.lstsq(powers[~held_out], hidden[~held_out], rcond=None)[0]
    scores = {
        "label_r2": r2(found[held_out], labels[held_out]),
        "reconstruction_r2": explained,
        "reconstruction_r2_above_pca": explained - pca_r2(frames, held_out, latents.shape[1]),
        "hidden_r2": r2(powers[held_out] @ weights, hidden[held_out]),
    }
    missed = [
        f"{name} is {scores[name]}"
        for name, bar in bars.items()
        if not (np.atleast_1d(scores[name]) >= bar["minimum"]).all()
    ]
    return scores, missed


if __name__ == "__main__":
    _scores, _sentences = score(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(_scores, indent=2) + "\n")
    sys.stderr.writelines(f"missed: {line}\n" for line in _sentences)
    sys.exit(1 if _sentences else 0)
