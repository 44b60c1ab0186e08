"""Make the sample: spikes of thirty neurons that a Lorenz system drives, and the rates behind them.

    python generate.py

writes dataset/lorenz.npz (what the analysis gets) and truth.npz (rates and states of each condition, and which
condition a trial is of). Needs numpy. The benchmark of Sussillo et al. 2016, section 4.1, and of Pandarinath et al. 2018: 65
initial conditions, several trials of each, log rates that are linear in the three variables of the
Lorenz system, Poisson counts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

_SEED = 20_261_130
_CONDITIONS, _TRIALS, _BINS, _NEURONS = 65, 12, 50, 30
_BIN_WIDTH = 0.02  # seconds
_STEP, _STEPS_PER_BIN, _BURN_IN = 0.006, 5, 400
_MEAN_RATE = 10.0  # Hz
_MOST = 3.0  # spikes a bin: faster would be no neuron


def _flow(state: np.ndarray) -> np.ndarray:
    x, y, z = state.T
    return np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], axis=1)


def _lorenz(state: np.ndarray) -> np.ndarray:
    """Return courses (conditions, bins, 3) by Runge and Kutta's fourth order."""
    courses = []
    for step in range(_BURN_IN + _BINS * _STEPS_PER_BIN):
        one = _flow(state)
        two = _flow(state + _STEP / 2 * one)
        three = _flow(state + _STEP / 2 * two)
        four = _flow(state + _STEP * three)
        state = state + _STEP / 6 * (one + 2 * two + 2 * three + four)
        if step >= _BURN_IN and (step - _BURN_IN) % _STEPS_PER_BIN == 0:
            courses.append(state)
    return np.stack(courses, axis=1)


def main() -> None:
    """Write the two files beside this script."""
    here = Path(__file__).resolve().parent
    (here / "dataset").mkdir(exist_ok=True)
    rng = np.random.default_rng(_SEED)
    courses = _lorenz(rng.normal(size=(_CONDITIONS, 3)) * 5 + np.array([0, 0, 25]))
    states = (courses - courses.mean(axis=(0, 1))) / courses.std(axis=(0, 1))
    weights = rng.normal(size=(3, _NEURONS)) * 0.6
    offsets = np.log(_MEAN_RATE * _BIN_WIDTH) + rng.normal(size=_NEURONS) * 0.3
    rates = np.minimum(np.exp(states @ weights + offsets), _MOST)
    # Conditions take turns, so that the trials that are held out are of all of them.
    condition = np.tile(np.arange(_CONDITIONS), _TRIALS)
    spikes = rng.poisson(rates[condition]).astype(np.uint8)
    np.savez_compressed(here / "dataset/lorenz.npz", spikes=spikes, bin_width_s=_BIN_WIDTH)
    np.savez_compressed(
        here / "truth.npz",
        rates=rates.astype(np.float32),
        states=states.astype(np.float32),
        condition=condition.astype(np.uint8),
    )


if __name__ == "__main__":
    main()
