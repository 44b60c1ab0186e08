"""Make the sample: a property to be explained, and the distribution that should be found.

    python generate.py

writes dataset/oscillation.json (what the analysis gets: oscillations of 1 Hz that hardly grow or
decay, Bittner et al. 2021) and truth.json (the greatest entropy that any distribution with this
property can have, and what that distribution looks like). Needs numpy and scipy.

Among distributions with E[T] = mu the one of greatest entropy is p = exp(-eta . (T - mu)) / Z within
the bounds; its entropy is the minimum over eta of log Z, a convex problem in four numbers. The
integral Z is one of Monte Carlo: systems are drawn evenly from the bounds, and the logarithm of the
mean is exact but for about 0.01 nats.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

_SEED = 20_261_130
_BOUND = 10.0
_MEANS, _SDS = np.array([0.0, 1.0]), np.array([0.25, 0.1])  # per second; Hz
_DRAWS, _PART = 40_000_000, 1_000_000
_FAR = 6.0  # standard deviations, beyond which the weight of a system is nil


def _statistics(theta: np.ndarray) -> np.ndarray:
    """Return growth rates (per second) and frequencies (Hz) of systems with a time constant of 1 s."""
    trace = theta[:, 0] + theta[:, 3]
    root = np.sqrt((trace**2 - 4 * (theta[:, 0] * theta[:, 3] - theta[:, 1] * theta[:, 2])) + 0j)
    return np.stack([(trace + root.real) / 2, root.imag / (4 * np.pi)], axis=1)


def _greatest_entropy() -> dict[str, object]:
    rng = np.random.default_rng(_SEED)
    parts, systems = [], []
    for _ in range(_DRAWS // _PART):
        theta = rng.uniform(-_BOUND, _BOUND, (_PART, 4))
        away = (_statistics(theta) - _MEANS) / _SDS
        near = (np.abs(away) < _FAR).all(axis=1)
        parts.append(away[near])
        systems.append(theta[near])
    away, theta = np.concatenate(parts), np.concatenate(systems)
    constraints = np.concatenate([away, away**2 - 1], axis=1)

    def log_z(eta: np.ndarray) -> tuple[float, np.ndarray]:
        power = -constraints @ eta
        top = power.max()
        weight = np.exp(power - top)
        value = top + np.log(weight.sum() / _DRAWS)
        return value, -(weight @ constraints) / weight.sum()

    found = minimize(log_z, np.array([0, 0, 0.5, 0.5]), jac=True, method="BFGS")
    weight = np.exp(-constraints @ found.x - (-constraints @ found.x).max())
    weight /= weight.sum()
    return {
        "entropy_nats": round(float(found.fun + 4 * np.log(2 * _BOUND)), 2),
        "sd": [round(float(np.sqrt(weight @ theta[:, k] ** 2)), 1) for k in range(4)],
        "share_with_positive_a12": round(float(weight @ (theta[:, 1] > 0)), 2),
        "effective_draws": int(round(1 / float(weight @ weight), -2)),
    }


def main() -> None:
    """Write the two files beside this script."""
    here = Path(__file__).resolve().parent
    (here / "dataset").mkdir(exist_ok=True)
    dataset = {
        "model": "linear-2d",
        "time_constant_s": 1.0,
        "bounds": {name: [-_BOUND, _BOUND] for name in ("a11", "a12", "a21", "a22")},
        "property": {
            "growth_rate_per_s": {"mean": _MEANS[0], "sd": _SDS[0]},
            "frequency_hz": {"mean": _MEANS[1], "sd": _SDS[1]},
        },
    }
    (here / "dataset/oscillation.json").write_text(json.dumps(dataset, indent=2) + "\n")
    (here / "truth.json").write_text(json.dumps(_greatest_entropy(), indent=2) + "\n")


if __name__ == "__main__":
    main()
