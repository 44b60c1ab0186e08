"""Make the sample: what three replicas of the smoother would leave of a known signal.

    python generate.py

writes dataset/sines.npz, replicas/<k>/smoothed.npz and truth.npz. Every replica is off the truth by its own smooth
error and says how unsure it is. Needs numpy; the same bytes every time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

_SEED = 20_261_102
_REPLICAS, _SAMPLES = 3, 300
_RATE_HZ = 20.0
_NAMES = ("slow", "fast", "mixed")
_NOISE_SD, _ERROR_SD, _OWN_SD = 0.6, 0.12, 0.15


def main() -> None:
    """Write the files beside this script."""
    rng = np.random.default_rng(_SEED)
    time = np.arange(_SAMPLES) / _RATE_HZ
    slow, fast = np.sin(2 * np.pi * 0.3 * time), 0.7 * np.sin(2 * np.pi * 1.1 * time + 1)
    signal = np.stack([slow, fast, 0.5 * slow + 0.8 * fast], axis=1)
    y = signal + _NOISE_SD * rng.normal(size=signal.shape)
    folds = rng.permutation(_SAMPLES) % _REPLICAS
    here = Path(__file__).resolve().parent
    (here / "dataset").mkdir(exist_ok=True)
    np.savez(here / "dataset" / "sines.npz", y=y, channels=np.array(_NAMES))
    kernel = np.ones(8) / np.sqrt(8)
    for replica in range(_REPLICAS):
        rough = _ERROR_SD * rng.normal(size=(_SAMPLES + 7, len(_NAMES)))
        error = np.stack([np.convolve(c, kernel, mode="valid") for c in rough.T], axis=1)
        held_out = folds == replica
        hidden = y[held_out]
        spread = _NOISE_SD**2 + _OWN_SD**2
        residual = hidden - (signal + error)[held_out]
        white = np.var(y[~held_out], axis=0)
        score = [
            hidden.size,
            _gaussian(residual, np.full(len(_NAMES), spread)),
            _gaussian(hidden - y[~held_out].mean(axis=0), white),
        ]
        folder = here / "replicas" / str(replica)
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(
            folder / "smoothed.npz",
            signal_mean=signal + error,
            signal_sd=np.full(signal.shape, _OWN_SD),
            observations=y,
            channels=np.array(_NAMES),
            units=np.array("mV"),
            held_out=held_out,
            held_out_score=np.array(score, dtype=np.float64),
            sampling_rate=np.array(_RATE_HZ),
        )
    np.savez(here / "truth.npz", signal=signal)


def _gaussian(residual: np.ndarray, variance: np.ndarray) -> float:
    """Return the log density of independent Gaussian residuals, in nats."""
    return float(-0.5 * np.sum(np.log(2 * np.pi * variance) + residual**2 / variance))


if __name__ == "__main__":
    main()
