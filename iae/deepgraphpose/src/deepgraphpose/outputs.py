"""Write the results: tracks as DeepLabCut's users know them, scoremaps for a consensus, numbers for people."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deepgraphpose.dataset import Array, Recording
from deepgraphpose.network import STRIDE
from deepgraphpose.settings import Settings
from deepgraphpose.training import Fit, Tracks

_DIGITS = 6
_SURE = 0.6
_SCORER = "deepgraphpose"


def write(
    folder: Path, recording: Recording, asked: Settings, fitted: Fit, tracks: Tracks
) -> Mapping[str, Any]:
    """Write tracks.csv, scoremaps.npz, training.csv and metrics.json; return the metrics."""
    (folder / "tracks.csv").write_text(_table(recording.bodyparts, tracks), encoding="utf-8")
    np.savez_compressed(
        folder / "scoremaps.npz",
        scoremaps=tracks.scoremaps,
        stride_px=np.array(STRIDE),
        sharpness=np.array(asked.sharpness),
        bodyparts=np.array(recording.bodyparts),
        labels=recording.labels,
        label_frames=recording.label_frames,
        held_out=recording.held_out,
    )
    lines = ["iteration,labelled,hidden,temporal_px,spatial_lengths"]
    for number, row in enumerate(fitted.trace, 1):
        lines.append(",".join([str(number), *(f"{value:.6g}" for value in row)]))
    (folder / "training.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    metrics = _metrics(recording, asked, fitted, tracks)
    text = json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return metrics


def _table(parts: tuple[str, ...], tracks: Tracks) -> str:
    """Return DeepLabCut's table: three rows of heads, then x, y and likelihood of each part in each frame."""
    columns = [(part, coord) for part in parts for coord in ("x", "y", "likelihood")]
    lines = [
        ",".join(["scorer", *[_SCORER] * len(columns)]),
        ",".join(["bodyparts", *(part for part, _ in columns)]),
        ",".join(["coords", *(coord for _, coord in columns)]),
    ]
    for frame, (places, sure) in enumerate(zip(tracks.positions, tracks.likelihood, strict=True)):
        cells = [f"{v:.4f}" for (x, y), p in zip(places, sure, strict=True) for v in (x, y, p)]
        lines.append(",".join([str(frame), *cells]))
    return "\n".join(lines) + "\n"


def rmse(positions: Array, labels: Array) -> float:
    """Return the error of positions (frames, parts, 2) in pixels: Abe et al. 2021, equation 2.

    The root of the squared distance, summed over parts, averaged over frames; of a part that is not marked everywhere (NaN)
    the frames in which it is. NaN when a part is marked nowhere.
    """
    squares = ((positions - labels).astype(np.float64) ** 2).sum(axis=2)
    marked = ~np.isnan(squares)
    if not marked.any(axis=0).all():
        return math.nan
    return math.sqrt(float((np.where(marked, squares, 0).sum(axis=0) / marked.sum(axis=0)).sum()))


def _metrics(
    recording: Recording, asked: Settings, fitted: Fit, tracks: Tracks
) -> dict[str, Any]:
    scores: dict[str, Any] = {}
    for name, which in (("held_out", recording.held_out), ("trained", ~recording.held_out)):
        found = tracks.positions[recording.label_frames[which]]
        value = rmse(found, recording.labels[which])
        far = np.linalg.norm(found - recording.labels[which], axis=2)
        far = far[~np.isnan(far)]
        scores[name] = {
            "frames": int(which.sum()),
            "rmse_px": None if math.isnan(value) else _rounded(value),
            "median_error_px": _rounded(float(np.median(far))) if len(far) else None,
        }
    steps = np.linalg.norm(np.diff(tracks.positions, axis=0), axis=2)
    frames, height, width = recording.frames.shape
    return {
        "frames": frames,
        "width_px": width,
        "height_px": height,
        "bodyparts": list(recording.bodyparts),
        "labels": scores,
        "mean_likelihood": _rounded(float(tracks.likelihood.mean())),
        "share_below_likelihood_0.6": _rounded(float((tracks.likelihood < _SURE).mean())),
        "mean_step_px": _rounded(float(steps.mean())),
        "share_of_steps_above_limit": _rounded(float((steps > asked.temporal_limit_px).mean())),
        "limbs": len(recording.skeleton),
        "iterations": len(fitted.trace),
        "replica": asked.replica,
    }


def _rounded(value: float) -> float:
    """Keep the digits that a reader can use."""
    return float(f"{value:.{_DIGITS}g}")
