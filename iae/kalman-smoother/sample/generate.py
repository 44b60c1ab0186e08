"""Make the sample: two damped oscillators seen by eight noisy channels, with known truth.

    python generate.py

writes dataset/oscillators.npz (what the analysis gets) and truth.npz (what it should find): the
system that made the samples and the noise-free signal. Needs numpy; the same bytes every time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

_SEED = 20_261_101
_SAMPLES, _CHANNELS = 1000, 8
_RATE_HZ = 50.0
_MISSING = 0.03  # of all values, one by one
_GAP = slice(400, 425)  # all channels lost, half a second


def _oscillator(frequency_hz: float, decay_s: float) -> np.ndarray:
    angle, radius = 2 * np.pi * frequency_hz / _RATE_HZ, np.exp(-1 / (decay_s * _RATE_HZ))
    return radius * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def main() -> None:
    """Write the two files beside this script."""
    rng = np.random.default_rng(_SEED)
    transition = np.zeros((4, 4))
    transition[:2, :2] = _oscillator(0.8, 4.0)
    transition[2:, 2:] = _oscillator(2.8, 1.0)
    loadings = rng.normal(size=(_CHANNELS, 4))
    state_noise = 0.05 * np.eye(4)
    noise = np.diag(rng.uniform(0.5, 2.0, _CHANNELS))
    state = rng.normal(size=4)
    states = np.empty((_SAMPLES, 4))
    for sample in range(_SAMPLES):
        states[sample] = state
        state = transition @ state + rng.normal(size=4) * np.sqrt(np.diag(state_noise))
    signal = states @ loadings.T
    y = signal + rng.normal(size=signal.shape) * np.sqrt(np.diag(noise))
    y[rng.random(y.shape) < _MISSING] = np.nan
    y[_GAP] = np.nan
    here = Path(__file__).resolve().parent
    (here / "dataset").mkdir(exist_ok=True)
    np.savez(
        here / "dataset" / "oscillators.npz",
        y=y,
        channels=np.array([f"electrode {index + 1}" for index in range(_CHANNELS)]),
        sampling_rate=np.array(_RATE_HZ),
        units=np.array("mV"),
    )
    np.savez(
        here / "truth.npz",
        A=transition,
        C=loadings,
        Q=state_noise,
        R=noise,
        m0=np.zeros(4),
        V0=np.eye(4),
        d=np.zeros(_CHANNELS),
        signal=signal,
    )


if __name__ == "__main__":
    main()
