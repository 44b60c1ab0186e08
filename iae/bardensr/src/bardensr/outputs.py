"""Write the results: a table and arrays for programs, numbers for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bardensr.fit import Fit
from bardensr.spots import Cut, Spots
from bardensr.stack import Stack

_DIGITS = 6


def write(
    folder: Path, stack: Stack, fit: Fit, spots: Spots, cut: Cut
) -> tuple[Spots, Mapping[str, Any]]:
    """Write spots.csv, densities.npz and metrics.json; return the spots that count, and the metrics."""
    loud = spots.where(spots.scores >= cut.score)
    kept = loud.where(~stack.unused[loud.barcodes])
    _table(folder / "spots.csv", stack, kept)
    barcode, row, column = np.nonzero(fit.density)
    known = {} if stack.pixel_size is None else {"pixel_size_um": stack.pixel_size}
    np.savez(
        folder / "densities.npz",
        barcode=barcode.astype(np.int32),
        row=row.astype(np.int32),
        column=column.astype(np.int32),
        density=fit.density[barcode, row, column].astype(np.float32),
        shape=np.array(fit.density.shape, dtype=np.int64),
        gain=fit.response.gain,
        bleed=fit.response.bleed,
        phasing=fit.response.phasing,
        background=fit.background.astype(np.float32),
        offset=fit.offset,
        genes=np.array(stack.genes),
        unused=stack.unused,
        units=np.array(stack.units),
        **known,
    )
    metrics = _metrics(stack, fit, loud, kept, cut)
    text = json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return kept, metrics


def _table(path: Path, stack: Stack, spots: Spots) -> None:
    size = stack.pixel_size
    head = ["y_px", "x_px", *(("y_um", "x_um") if size else ()), "gene", "intensity", "score"]
    lines = [",".join(head)]
    for (y, x), barcode, intensity, score in zip(*spots, strict=True):
        metric = [f"{size * y:.4f}", f"{size * x:.4f}"] if size else []
        lines.append(
            ",".join(
                [
                    f"{y:.3f}",
                    f"{x:.3f}",
                    *metric,
                    stack.genes[barcode],
                    f"{intensity:.6g}",
                    f"{score:.4g}",
                ]  # fmt: skip
            )
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _metrics(stack: Stack, fit: Fit, loud: Spots, kept: Spots, cut: Cut) -> dict[str, Any]:
    rounds, channels, height, width = stack.images.shape
    counts = np.bincount(kept.barcodes, minlength=len(stack.genes))
    rate = cut.false_discovery_rate
    return {
        "rounds": rounds,
        "channels": channels,
        "height": height,
        "width": width,
        "pixel_size_um": stack.pixel_size,
        "units": stack.units,
        "barcodes": len(stack.genes),
        "unused_barcodes": int(stack.unused.sum()),
        "spots": len(kept),
        "spots_of_unused_barcodes": len(loud) - len(kept),
        "false_discovery_rate": None if rate is None else _rounded(rate),
        "score_cut": _rounded(cut.score),
        "spots_per_1000_pixels": _rounded(1000 * len(kept) / (height * width)),
        "median_intensity": _rounded(float(np.median(kept.intensities))) if len(kept) else None,
        "noise_sd": _rounded(fit.noise),
        "r2": _rounded(fit.r2),
        "gain": [[_rounded(float(x)) for x in row] for row in fit.response.gain],
        "bleed": [[_rounded(float(x)) for x in row] for row in fit.response.bleed],
        "phasing": [_rounded(float(x)) for x in fit.response.phasing],
        "spots_by_gene": {
            gene: int(count)
            for gene, count, idle in zip(stack.genes, counts, stack.unused, strict=True)
            if not idle
        },
    }


def _rounded(value: float) -> float:
    """Keep the digits that do not depend on the processor, so that equal results read equal."""
    return float(f"{value:.{_DIGITS}g}")
