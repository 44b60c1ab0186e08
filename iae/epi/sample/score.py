"""Hold the distribution that the analysis found for the sample against theory and simulations.

    python score.py OUTPUTS

prints the scores as JSON; exit code 1 and the bars that were missed when there are any. Needs numpy
and scipy. Nothing of the analysis is used but the saved weights: the flow is written out anew here,
drawn from with another seed, its eigenvalues are numpy's, and systems are simulated with
scipy's matrix exponential and measured by their spectrum.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import expm

_HERE = Path(__file__).resolve().parent
_SEED = 7_771
_DRAWS, _SYSTEMS = 20_000, 400
_SECONDS, _STEP = 8.0, 0.01


def draw(file: Any, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return systems (count, 4) of a saved flow, and their log densities (count,)."""
    layers, units = int(file["layers"]), int(file["units"])
    low, high = file["bounds"].T
    x = rng.normal(size=(count, 4))
    logq = -0.5 * np.sum(x**2, axis=1) - 2 * np.log(2 * np.pi)
    weights, place = file["weights"], 0
    for _ in range(layers):
        x = x[:, ::-1]
        hidden = x[:, :2]
        for rows, columns in ((3, units), (units + 1, units), (units + 1, 4)):
            matrix = weights[place : place + rows * columns].reshape(rows, columns)
            place += rows * columns
            last = hidden @ matrix[:-1] + matrix[-1]
            hidden = np.tanh(last)
        log_scale = 1.5 * hidden[:, :2]
        x = np.hstack([x[:, :2], x[:, 2:] * np.exp(log_scale) + last[:, 2:]])
        logq -= log_scale.sum(axis=1)
    log_scale, shift = weights[place : place + 4], weights[place + 4 :]
    u = x * np.exp(log_scale) + shift
    logq -= log_scale.sum() + np.sum(np.log((high - low) / 2 / np.cosh(u) ** 2), axis=1)
    return (low + high) / 2 + (high - low) / 2 * np.tanh(u), logq


def measure(system: np.ndarray) -> tuple[float, float]:
    """Return growth rate (per second) and frequency (Hz) of a simulated system, NaN without swings."""
    move, state = expm(system.reshape(2, 2) * _STEP), np.array([0.3, 1.0])
    course = []
    for _ in range(int(_SECONDS / _STEP)):
        course.append(state)
        state = move @ state
    line = np.array(course)
    swings = np.sum(np.diff(np.sign(line[:, 0])) != 0)
    if swings < 4 or not np.isfinite(line).all():
        return np.nan, np.nan
    # In the plane of both variables the state circles: once around in every period. In the measure
    # of its own covariance the ellipse is a circle nearly, and the logarithm of its radius a line.
    time = _STEP * np.arange(len(line))
    flat = (
        line * np.exp(-np.polyfit(time, np.log(np.linalg.norm(line, axis=1)), 1)[0] * time)[:, None]
    )
    round_ = line @ np.linalg.inv(np.linalg.cholesky(np.cov(flat.T))).T
    angle = np.unwrap(np.arctan2(round_[:, 1], round_[:, 0]))
    frequency = abs(np.polyfit(time, angle, 1)[0]) / (2 * np.pi)
    return float(np.polyfit(time, np.log(np.linalg.norm(round_, axis=1)), 1)[0]), float(frequency)


def score(outputs: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the scores, and a sentence for every bar that was missed."""
    bars = json.loads((_HERE / "expected.json").read_text())
    truth = json.loads((_HERE / "truth.json").read_text())
    metrics = json.loads((outputs / "metrics.json").read_text())
    wanted = json.loads((_HERE / "dataset/oscillation.json").read_text())["property"]
    means = np.array([wanted[name]["mean"] for name in ("growth_rate_per_s", "frequency_hz")])
    sds = np.array([wanted[name]["sd"] for name in ("growth_rate_per_s", "frequency_hz")])
    with np.load(outputs / "flow.npz") as file:
        theta, logq = draw(file, _DRAWS, np.random.default_rng(_SEED))
    eigenvalues = np.linalg.eigvals(theta.reshape(-1, 2, 2))
    values = np.stack(
        [eigenvalues.real.max(axis=1), np.abs(eigenvalues.imag[:, 0]) / (2 * np.pi)], axis=1
    )
    away = (values - means) / sds
    violations = np.concatenate([away, away**2 - 1], axis=1).mean(axis=0)
    measured = np.array([measure(system) for system in theta[:_SYSTEMS]])
    swings = ~np.isnan(measured[:, 1])
    off = (measured[swings].mean(axis=0) - means) / sds
    entropy = float(-logq.mean())
    scores = {
        "largest_violation_sd": float(np.abs(violations).max()),
        "entropy_nats": entropy,
        "entropy_growth_nats": entropy - (metrics["entropy_when_first_converged_nats"] or np.inf),
        "entropy_below_greatest_possible_nats": truth["entropy_nats"] - entropy,
        "share_with_positive_a12": float(np.mean(theta[:, 1] > 0)),
        "simulated": {
            "share_that_swings": float(swings.mean()),
            "mean_growth_off_sd": float(abs(off[0])),
            "mean_frequency_off_sd": float(abs(off[1])),
            "sd_ratio": (measured[swings].std(axis=0) / sds).tolist(),
        },
    }
    missed = list(_missed(scores, bars))
    if not metrics["converged"]:
        missed.append("the inference did not converge")
    return scores, missed


def _missed(scores: dict[str, Any], bars: dict[str, Any]) -> Any:
    for name, bar in bars.items():
        if not {"minimum", "maximum"} & bar.keys():
            yield from _missed(scores[name], bar)
            continue
        found = np.atleast_1d(scores[name])
        if not (
            (found >= bar.get("minimum", -np.inf)) & (found <= bar.get("maximum", np.inf))
        ).all():
            yield f"{name} is {scores[name]}"


if __name__ == "__main__":
    _scores, _sentences = score(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(_scores, indent=2) + "\n")
    sys.stderr.writelines(f"missed: {line}\n" for line in _sentences)
    sys.exit(1 if _sentences else 0)
