"""Write the results: factors for programs, numbers for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pmd.decomposition import Decomposition
from pmd.movie import Movie
from pmd.noise import Array
from pmd.summary import Summary

_DIGITS = 6


def write(
    folder: Path, movie: Movie, rate: float | None, result: Decomposition, summary: Summary
) -> Mapping[str, Any]:
    """Write pmd.npz and metrics.json; return the metrics. `rate` is frames per second or None."""
    known = {} if rate is None else {"frame_rate": rate}
    np.savez(
        folder / "pmd.npz",
        U_data=result.U.data.astype(np.float32),
        U_indices=result.U.indices.astype(np.int32),
        U_indptr=result.U.indptr.astype(np.int64),
        U_shape=np.array(result.U.shape, dtype=np.int64),
        V=result.V.astype(np.float32),
        mean=result.mean.astype(np.float32),
        noise_sd=result.noise.astype(np.float32),
        component_block=result.block,
        block_ranks=result.ranks,
        block_corners=np.array(result.tiling.corners, dtype=np.int64),
        block_shape=np.array(result.tiling.shape, dtype=np.int64),
        correlation_raw=summary.raw.astype(np.float32),
        correlation_denoised=summary.denoised.astype(np.float32),
        correlation_residual=summary.residual.astype(np.float32),
        units=np.array(movie.units),
        **known,
    )
    metrics = _metrics(movie, rate, result, summary)
    text = json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return metrics


def _metrics(
    movie: Movie, rate: float | None, result: Decomposition, summary: Summary
) -> dict[str, Any]:
    frames, height, width = movie.frames.shape
    stored = result.U.nnz + result.V.size
    total = float(summary.raw_variance.sum())
    return {
        "frames": frames,
        "height": height,
        "width": width,
        "frame_rate_hz": rate,
        "units": movie.units,
        "blocks": len(result.tiling.corners),
        "block_shape": list(result.tiling.shape),
        "components": result.V.shape[0],
        "rank_per_block": {
            "minimum": int(result.ranks.min()),
            "mean": _rounded(float(result.ranks.mean())),
            "maximum": int(result.ranks.max()),
        },
        "compression_ratio": _rounded(movie.frames.size / stored) if stored else None,
        "noise_sd_median": _rounded(float(np.median(result.noise))),
        "roughness_thresholds": {
            "spatial": _rounded(result.thresholds.spatial),
            "temporal": _rounded(result.thresholds.temporal),
        },
        "explained_variance": _rounded(1 - float(summary.residual_variance.sum()) / total),
        "neighbour_correlation": {
            "raw": _mean(summary.raw),
            "denoised": _mean(summary.denoised),
            "residual": _mean(summary.residual),
        },
        "residual_lag_one_correlation": _mean(summary.persistence),
    }


def _mean(image: Array) -> float:
    return _rounded(float(image.mean()))


def _rounded(value: float) -> float:
    """Keep the digits that do not depend on the processor, so that equal results read equal."""
    return float(f"{value:.{_DIGITS}g}")
