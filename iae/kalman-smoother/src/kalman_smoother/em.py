"""Expectation maximisation of all parameters (Shumway and Stoffer 1982; Ghahramani and Hinton 1996)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from kalman_smoother.evidence import Indices, Observations
from kalman_smoother.inference import Smoothed, kalman_filter, smooth
from kalman_smoother.system import Array, System, floored, symmetric

_RELATIVE_NOISE_FLOOR = 1e-6
_STATE_NOISE_FLOOR = 1e-9


@dataclass(frozen=True, slots=True)
class Fit:
    """Fitted parameters and log p(y) in nats before each update and after the last one."""

    system: System
    log_likelihood: tuple[float, ...]
    converged: bool


def fit(
    data: Observations,
    start: System,
    *,
    iterations: int,
    tolerance: float,
    full_noise: bool,
    variance: Array,
    progress: Callable[[int, float], None],
) -> Fit:
    """Improve `start` by up to `iterations` EM steps.

    Stop when a step gains less than `tolerance` nats per observed value. `variance` (N,) of each
    channel sets the floor of its noise. V0 stays as it is: one sequence has one initial state, from
    which its covariance cannot be estimated (Shumway and Stoffer 1982, section 3).
    """
    system, trace = start, []
    floor = _RELATIVE_NOISE_FLOOR * variance
    converged = False
    for step in range(iterations + 1):
        filtered = kalman_filter(data, system)
        trace.append(float(np.sum(filtered.log_likelihood)))
        progress(step, trace[-1])
        converged = step > 0 and trace[-1] - trace[-2] < tolerance * data.values
        if converged or step == iterations:
            break
        system = _maximise(data, smooth(filtered, system), system, floor, full_noise=full_noise)
    return Fit(system, tuple(trace), converged)


def _maximise(
    data: Observations, states: Smoothed, old: System, floor: Array, *, full_noise: bool
) -> System:
    loadings, noise = (_full if full_noise else _diagonal)(data, states, old, floor)
    new = replace(old, C=loadings, R=noise, m0=states.mean[0])
    if len(states.mean) == 1:  # no transition was seen
        return new
    transition, state_noise = _dynamics(states)
    return replace(new, A=transition, Q=state_noise)


def _dynamics(states: Smoothed) -> tuple[Array, Array]:
    mean, covariance = states.mean, states.covariance
    cross = states.cross.sum(axis=0)
    earlier, later = covariance[:-1].sum(axis=0), covariance[1:].sum(axis=0)
    second = symmetric(mean[:-1].T @ mean[:-1] + earlier)
    transition = np.linalg.solve(second, (mean[1:].T @ mean[:-1] + cross).T).T
    residual = mean[1:] - mean[:-1] @ transition.T
    spread = later - transition @ cross.T - cross @ transition.T
    spread += transition @ earlier @ transition.T + residual.T @ residual
    return transition, floored(spread / (len(mean) - 1), _STATE_NOISE_FLOOR)


def _diagonal(
    data: Observations, states: Smoothed, old: System, floor: Array
) -> tuple[Array, Array]:
    """Regress every channel on the states over the samples in which it was observed."""
    channels, latents = old.C.shape
    spread = np.zeros((channels, latents, latents))
    for pattern in data.patterns:
        spread[pattern.channels] += states.covariance[pattern.rows].sum(axis=0)
    seen = ~np.isnan(data.y)
    centred = np.where(seen, data.y - old.d, 0.0)
    weights = seen.astype(np.float64)
    products = (states.mean[:, :, None] * states.mean[:, None, :]).reshape(len(data.y), -1)
    second = spread + (weights.T @ products).reshape(channels, latents, latents)
    loadings = np.linalg.solve(second, (centred.T @ states.mean)[..., None])[..., 0]
    residual = np.where(seen, centred - states.mean @ loadings.T, 0.0)
    uncertain = np.einsum("ni,nij,nj->n", loadings, spread, loadings)
    noise = (np.sum(residual**2, axis=0) + uncertain) / weights.sum(axis=0)
    return loadings, np.diag(np.maximum(noise, floor))


def _full(data: Observations, states: Smoothed, old: System, floor: Array) -> tuple[Array, Array]:
    """Regress with correlated noise; missing channels are expected given the observed ones.

    A partly observed sample is y = H x + k + e: H and Cov(e) are zero in the observed channels and
    follow from the conditional Gaussian of the old noise in the missing ones.
    """
    channels, latents = old.C.shape
    parts = []
    products, second = np.zeros((channels, latents)), np.zeros((latents, latents))
    for pattern in data.patterns:
        if not len(pattern.channels):  # says nothing about C and R
            continue
        carry, known, rest = _completed(data, pattern.rows, pattern.channels, old)
        mean, spread = states.mean[pattern.rows], states.covariance[pattern.rows].sum(axis=0)
        own = symmetric(mean.T @ mean + spread)
        products += carry @ own + known.T @ mean
        second += own
        parts.append((carry, known, rest, mean, spread))
    loadings = np.linalg.solve(second, products.T).T
    noise, count = np.zeros((channels, channels)), 0
    for carry, known, rest, mean, spread in parts:
        change = carry - loadings
        residual = known + mean @ change.T
        noise += residual.T @ residual + change @ spread @ change.T + len(mean) * rest
        count += len(mean)
    return loadings, floored(noise / count, float(np.min(floor)))


def _completed(
    data: Observations, rows: Indices, seen: Indices, old: System
) -> tuple[Array, Array, Array]:
    channels, latents = old.C.shape
    missing = np.setdiff1d(np.arange(channels), seen)
    carry, rest = np.zeros((channels, latents)), np.zeros((channels, channels))
    known = np.zeros((len(rows), channels))
    known[:, seen] = data.y[np.ix_(rows, seen)] - old.d[seen]
    if len(missing):
        slope = np.linalg.solve(old.R[np.ix_(seen, seen)], old.R[np.ix_(seen, missing)]).T
        carry[missing] = old.C[missing] - slope @ old.C[seen]
        known[:, missing] = known[:, seen] @ slope.T
        rest[np.ix_(missing, missing)] = symmetric(
            old.R[np.ix_(missing, missing)] - slope @ old.R[np.ix_(seen, missing)]
        )
    return carry, known, rest
