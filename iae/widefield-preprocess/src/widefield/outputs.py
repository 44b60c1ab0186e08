"""Write the results of every stage: arrays and a table for programs, numbers for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from widefield.pipeline import Result
from widefield.recording import Array, Recording

_DIGITS = 6


def write(folder: Path, recording: Recording, result: Result) -> Mapping[str, Any]:
    """Write motion.csv, denoised.npz, corrected.npz and metrics.json; return the metrics."""
    _write_motion(folder / "motion.csv", recording, result)
    frames, shape = len(recording.calcium), recording.atlas.shape
    found = result.decomposition
    np.savez(
        folder / "denoised.npz",
        U_data=found.U.data.astype(np.float32),
        U_indices=found.U.indices,
        U_indptr=found.U.indptr,
        U_shape=np.array(found.U.shape),
        V_calcium=found.V[:, :frames],
        V_violet=found.V[:, frames:],
        mean=result.mean,
        noise_sd=found.noise,
        frame_rate=np.array(recording.frame_rate),
        units=np.array(recording.units),
    )
    corrected = result.corrected
    names = {} if recording.names is None else {"regions": np.array(recording.names)}
    np.savez(
        folder / "corrected.npz",
        U=corrected.images.reshape(*shape, -1).astype(np.float32),
        V=corrected.courses.astype(np.float32),
        atlas=recording.atlas.astype(np.int32),
        sampling_rate=np.array(recording.frame_rate),
        coefficient=corrected.coefficient.reshape(shape),
        explained=corrected.explained.reshape(shape),
        **names,
    )
    metrics = _metrics(recording, result)
    text = json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return metrics


def _write_motion(path: Path, recording: Recording, result: Result) -> None:
    lines = ["frame,time_s,channel,down_px,right_px"]
    for frame, both in enumerate(result.shifts):
        for channel, (down, right) in zip(("calcium", "violet"), both, strict=True):
            time = frame / recording.frame_rate
            lines.append(f"{frame},{time:.6f},{channel},{down:.4f},{right:.4f}")
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def _metrics(recording: Recording, result: Result) -> Mapping[str, Any]:
    brain = recording.brain.ravel()
    images = result.decomposition.U.tocsr()[np.flatnonzero(brain)]
    before = _power(images, result.calcium)
    after = float(np.sum(result.corrected.images[brain] ** 2))
    size = np.hypot(result.shifts[..., 0], result.shifts[..., 1])
    calcium = result.raw.reshape(len(result.raw), -1)[:, brain].astype(np.float64)
    denoised = _power(images, result.decomposition.V[:, : len(result.raw)])
    total = float(np.sum((calcium - calcium.mean(axis=0)) ** 2))
    coefficient = result.corrected.coefficient[brain]
    return {
        "frames": len(recording.calcium),
        "height": recording.atlas.shape[0],
        "width": recording.atlas.shape[1],
        "frame_rate_hz": recording.frame_rate,
        "brain_pixels": int(brain.sum()),
        "shift_rms_px": _rounded(float(np.sqrt(np.mean(size**2)))),
        "shift_largest_px": _rounded(float(size.max())),
        "pmd_components": int(result.decomposition.V.shape[0]),
        "pmd_rank_per_block_mean": _rounded(float(result.decomposition.ranks.mean())),
        "pmd_share_of_variance": _rounded(denoised / total),
        "violet_coefficient_median": _rounded(float(np.median(coefficient))),
        "hemodynamic_share_of_power": _rounded(1 - after / before),
        "components": int(result.corrected.courses.shape[0]),
        "components_share_of_power": _rounded(result.corrected.kept),
    }


def _power(images: Any, courses: Array) -> float:
    """Return the power over time of images (P, K) times courses (K, T) around their means."""
    centred = courses - courses.mean(axis=1, keepdims=True)
    return float(images.multiply(images @ (centred @ centred.T)).sum())


def _rounded(value: float) -> float:
    """Keep the digits that do not depend on the processor, so that equal results read equal."""
    return float(f"{value:.{_DIGITS}g}")
