"""Write the results: latents, labels and the network for programs, numbers for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psvae.dataset import Recording
from psvae.settings import Settings
from psvae.training import Result

_DIGITS = 6


def write(folder: Path, recording: Recording, asked: Settings, result: Result) -> Mapping[str, Any]:
    """Write latents.npz, model.npz and metrics.json; return the metrics."""
    held_out = recording.held_out
    np.savez(
        folder / "latents.npz",
        latents=result.latents.astype(np.float32),
        labels=result.labels.astype(np.float32),
        label_names=np.array(recording.names),
        held_out=held_out,
        held_out_frames=np.round(255 * result.frames[held_out].clip(0, 1)).astype(np.uint8),
    )
    np.savez(folder / "model.npz", trace=result.trace, **result.weights)
    metrics = _metrics(recording, asked, result)
    text = json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return metrics


def pca(recording: Recording, size: int) -> NDArray[np.float64]:
    """Return held-out frames (n, H * W) as the first `size` principal components have them."""
    flat = recording.frames.reshape(len(recording.frames), -1).astype(np.float64)
    train, test = flat[~recording.held_out], flat[recording.held_out]
    mean = train.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((train - mean).T))
    axes = vectors[:, np.argsort(values)[::-1][:size]]
    found: NDArray[np.float64] = (test - mean) @ axes @ axes.T + mean
    return found


def _metrics(recording: Recording, asked: Settings, result: Result) -> Mapping[str, Any]:
    test = recording.held_out
    count = len(recording.frames)
    flat = recording.frames.reshape(count, -1).astype(np.float64)
    mean = flat[~test].mean(axis=0)
    size = result.latents.shape[1]
    decoded = result.frames.reshape(count, -1)
    rows = [result.weights["supervised.weight"], result.weights["free.weight"]]
    gram = np.concatenate(rows) @ np.concatenate(rows).T
    return {
        "frames": count,
        "frames_held_out": int(test.sum()),
        "label_r2_held_out": {
            name: _r2(
                result.labels[test, k], recording.labels[test, k], recording.labels[test, k].mean()
            )
            for k, name in enumerate(recording.names)
        },
        "reconstruction_r2_held_out": _r2(decoded[test], flat[test], mean),
        "pca_r2_held_out": _r2(pca(recording, size), flat[test], mean),
        "latents": {
            "supervised": len(recording.names),
            "unsupervised": size - len(recording.names),
        },
        "largest_departure_from_orthogonal": _round(np.abs(gram - np.eye(size)).max()),
        "total_correlation_nats": _round(result.trace[-1, 4]),
        "epochs": asked.epochs,
        "seed": asked.seed,
    }


def _r2(found: NDArray[Any], truth: NDArray[Any], mean: Any) -> float | None:
    whole = float(np.sum((truth - mean) ** 2))
    return _round(1 - float(np.sum((found - truth) ** 2)) / whole) if whole else None


def _round(value: Any) -> float:
    return float(np.format_float_positional(value, _DIGITS, fractional=False))
