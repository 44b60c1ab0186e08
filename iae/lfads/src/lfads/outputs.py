"""Write the results: rates, factors and the course of the training for programs, numbers for people."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lfads.dataset import Array, Recording
from lfads.settings import Settings
from lfads.training import Fit, Inferred

_DIGITS = 6
_LEAST_RATE = 1e-6  # spikes a bin


def write(
    folder: Path, recording: Recording, asked: Settings, fitted: Fit, inferred: Inferred
) -> Mapping[str, Any]:
    """Write rates.npz, training.csv and metrics.json; return the metrics."""
    np.savez_compressed(
        folder / "rates.npz",
        rates_hz=inferred.rates / np.float32(recording.bin_width),
        factors=inferred.factors,
        held_out=recording.held_out,
        bin_width_s=np.array(recording.bin_width),
    )
    lines = ["epoch,fitted_nats,held_out_nats,divergence_nats,divergence_weight"]
    for number, row in enumerate(fitted.trace, 1):
        lines.append(",".join([str(number), *(f"{value:.6g}" for value in row)]))
    (folder / "training.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    metrics = _metrics(recording, asked, fitted, inferred)
    text = json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return metrics


def bits_per_spike(spikes: Array, rates: Array, null: Array) -> float:
    """Return by how much rates predict spikes better than each neuron's mean rate `null`, in bits a spike.

    Pei et al. 2021 (Neural Latents Benchmark), equation 1; NaN without any spike.
    """
    total = float(spikes.sum())
    if not total:
        return math.nan
    rates = np.maximum(rates.astype(np.float64), _LEAST_RATE)
    flat = np.broadcast_to(np.maximum(null.astype(np.float64), _LEAST_RATE), spikes.shape)
    gain = float((spikes * np.log(rates / flat) - rates + flat).sum())
    return gain / total / math.log(2)


def _metrics(
    recording: Recording, asked: Settings, fitted: Fit, inferred: Inferred
) -> dict[str, Any]:
    spikes, kept = recording.spikes, ~recording.held_out
    null = spikes[kept].mean(axis=(0, 1))
    scores = {
        name: bits_per_spike(spikes[which], inferred.rates[which], null)
        for name, which in (("held_out", recording.held_out), ("fitted", kept))
    }
    trials, bins, neurons = spikes.shape
    return {
        "trials": trials,
        "held_out_trials": int(recording.held_out.sum()),
        "bins": bins,
        "bin_width_s": recording.bin_width,
        "neurons": neurons,
        "mean_rate_hz": _rounded(float(spikes.mean()) / recording.bin_width),
        "bits_per_spike": {
            name: None if math.isnan(value) else _rounded(value) for name, value in scores.items()
        },
        "factors_for_90_percent_of_variance": _dimension(inferred.factors),
        "held_out_nats_per_trial": _rounded(float(fitted.trace[-1, 1])),
        "divergence_nats_per_trial": _rounded(float(fitted.trace[-1, 2])),
        "epochs": asked.epochs,
    }


def _dimension(factors: Array) -> int:
    """Return how many principal components of the factors hold nine tenths of their variance."""
    flat = factors.reshape(-1, factors.shape[-1]).astype(np.float64)
    variances = np.linalg.eigvalsh(np.atleast_2d(np.cov(flat.T)))[::-1]
    return int(np.searchsorted(np.cumsum(variances) / variances.sum(), 0.9) + 1)


def _rounded(value: float) -> float:
    """Keep the digits that a reader can use."""
    return float(f"{value:.{_DIGITS}g}")
