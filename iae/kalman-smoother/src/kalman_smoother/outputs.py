"""Write the results: arrays for programs, numbers for people."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kalman_smoother.analysis import Analysis
from kalman_smoother.recording import Recording
from kalman_smoother.settings import Settings
from kalman_smoother.system import Array

_DIGITS = 6


def write(
    folder: Path, recording: Recording, settings: Settings, result: Analysis
) -> Mapping[str, Any]:
    """Write smoothed.npz, parameters.npz, log_likelihood.csv and metrics.json; return the metrics."""
    score = result.score
    rate: dict[str, Any] = {}
    if recording.sampling_rate is not None:
        rate["sampling_rate"] = recording.sampling_rate
    np.savez(
        folder / "smoothed.npz",
        filtered_mean=result.filtered.mean,
        filtered_covariance=result.filtered.covariance,
        smoothed_mean=result.smoothed.mean,
        smoothed_covariance=result.smoothed.covariance,
        signal_mean=result.signal,
        signal_sd=result.signal_sd,
        observations=recording.y,
        channels=np.array(recording.channels),
        units=np.array(recording.units),
        held_out=result.rows,
        held_out_score=np.array(
            [score.values, score.lds, score.white_noise] if score else [0.0, 0.0, 0.0]
        ),
        **rate,
    )
    system = result.system
    np.savez(
        folder / "parameters.npz",
        A=system.A,
        C=system.C,
        Q=system.Q,
        R=system.R,
        m0=system.m0,
        V0=system.V0,
        d=system.d,
    )
    training = int(np.sum(~np.isnan(recording.y[~result.rows])))
    lines = ["iteration,log_likelihood_nats,nats_per_value\n"]
    lines += [
        f"{step},{value:.6f},{value / training:.9f}\n"
        for step, value in enumerate(result.fit.log_likelihood)
    ]
    (folder / "log_likelihood.csv").write_text("".join(lines), encoding="ascii")
    metrics = _metrics(recording, settings, result)
    text = json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return metrics


def _metrics(recording: Recording, settings: Settings, result: Analysis) -> dict[str, Any]:
    samples, channels = recording.y.shape
    trace, score = result.fit.log_likelihood, result.score
    held_out = score and {
        "samples": score.samples,
        "values": score.values,
        "lds_nats_per_value": _rounded(score.lds / score.values),
        "white_noise_nats_per_value": _rounded(score.white_noise / score.values),
        "gain_nats_per_value": _rounded((score.lds - score.white_noise) / score.values),
    }
    return {
        "samples": samples,
        "channels": channels,
        "missing_values": int(np.isnan(recording.y).sum()),
        "sampling_rate_hz": recording.sampling_rate,
        "units": recording.units,
        "latents": result.system.latents,
        "replica": settings.replica,
        "em": {
            "iterations": len(trace) - 1,
            "converged": result.fit.converged,
            "monotone": all(
                after >= before - 1e-9 * abs(before) for before, after in itertools.pairwise(trace)
            ),
            "log_likelihood_nats": _rounded(trace[-1]),
        },
        "log_likelihood_nats": _rounded(result.log_likelihood),
        "held_out": held_out,
        "modes": _modes(result.system.A, recording.sampling_rate),
    }


def _modes(transition: Array, rate: float | None) -> list[dict[str, float | None]]:
    """Return decay time and frequency of every mode, slowest first; per sample without a rate.

    A mode with eigenvalue r e^(i w) decays by 1/e in -1 / log(r) samples and turns w / 2 pi times
    per sample; a mode that does not decay has no time.
    """
    step = 1.0 if rate is None else 1.0 / rate
    time, frequency = ("samples", "per_sample") if rate is None else ("s", "hz")
    both = np.linalg.eigvals(transition)
    # Of a complex pair one is enough.
    values = sorted(both[both.imag >= 0], key=lambda v: (-round(abs(v), 9), v.imag))
    return [
        {
            f"decay_{time}": _rounded(-step / math.log(abs(v))) if 0 < abs(v) < 1 else None,
            f"frequency_{frequency}": _rounded(abs(math.atan2(v.imag, v.real)) / math.tau / step),
        }
        for v in values
    ]


def _rounded(value: float) -> float:
    """Keep the digits that do not depend on the processor, so that equal results read equal."""
    return float(f"{value:.{_DIGITS}g}")
