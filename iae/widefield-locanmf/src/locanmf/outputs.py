"""Write the results: arrays for programs, numbers for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from locanmf.hals import Array, Numbers
from locanmf.recording import Recording
from locanmf.search import Result
from locanmf.settings import Settings

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Components:
    """Images (N, H, W) with a peak of 1, time courses (N, T), region numbers (N,), shares (N,)."""

    images: Array
    courses: Array
    regions: Numbers
    localization: Array


def arrange(data: Recording, result: Result, basis: Array) -> Components:
    """Return the components in time and space, by region and in it the one with most power first.

    `basis` (T, K) holds the time courses that those of the result are made of.
    """
    factors = result.factors
    power = np.sum(factors.images**2, axis=1) * np.sum(factors.courses**2, axis=1)
    order = np.lexsort((-power, factors.regions))
    images = np.zeros((len(factors), *data.atlas.shape))
    images[:, data.atlas > 0] = factors.images[order]
    return Components(
        images=images,
        courses=factors.courses[order] @ basis.T,
        regions=np.array(data.labels)[factors.regions[order]],
        localization=result.localization[order],
    )


def write(
    folder: Path, data: Recording, settings: Settings, result: Result, found: Components
) -> Mapping[str, Any]:
    """Write components.npz and metrics.json; return the metrics."""
    rate: dict[str, Any] = (
        {} if data.sampling_rate is None else {"sampling_rate": data.sampling_rate}
    )
    np.savez(
        folder / "components.npz",
        A=found.images,
        C=found.courses,
        regions=found.regions,
        localization=found.localization,
        atlas=data.atlas,
        region_numbers=np.array(data.labels),
        region_names=np.array(data.names),
        **rate,
    )
    metrics: dict[str, Any] = {
        "height": data.atlas.shape[0],
        "width": data.atlas.shape[1],
        "frames": data.courses.shape[1],
        "sampling_rate_hz": data.sampling_rate,
        "components": len(found.images),
        "r2": _rounded(result.r2),
        "localization_minimum": _rounded(float(found.localization.min())),
        "all_localized": bool((found.localization >= settings.localization_threshold).all()),
        "all_explained": bool((result.r2_by_region >= settings.r2_threshold).all()),
        "regions": [
            {"number": label, "name": name, "components": rank, "r2": _rounded(float(share))}
            for label, name, rank, share in zip(
                data.labels, data.names, result.ranks, result.r2_by_region, strict=True
            )
        ],
        "localization": [_rounded(float(share)) for share in found.localization],
    }
    text = json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return metrics


def _rounded(value: float) -> float:
    """Keep the digits that do not depend on the processor, so that equal results read equal."""
    return float(f"{value:.{_DIGITS}g}")
