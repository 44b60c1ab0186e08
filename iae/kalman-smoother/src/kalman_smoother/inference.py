"""Kalman filter and Rauch-Tung-Striebel smoother, exact with any pattern of missing samples.

Both recursions are computed as scans (Särkkä and García-Fernández 2021, sections III and IV).
Covariances are formed as W'W or as a Joseph form, so that they stay positive definite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kalman_smoother.evidence import Evidence, Observations
from kalman_smoother.scan import Elements, Operation, prefixes
from kalman_smoother.system import Array, System, symmetric


@dataclass(frozen=True, slots=True)
class Filtered:
    """p(x[t] | y[0..t]) and p(x[t] | y[0..t-1]): means (T, D), covariances (T, D, D).

    `log_likelihood` is log p(y[t] | y[0..t-1]) for every sample, in nats, (T,).
    """

    mean: Array
    covariance: Array
    predicted_mean: Array
    predicted_covariance: Array
    log_likelihood: Array


@dataclass(frozen=True, slots=True)
class Smoothed:
    """p(x[t] | all y): means (T, D), covariances (T, D, D); `cross` is Cov(x[t+1], x[t]), (T-1, D, D)."""

    mean: Array
    covariance: Array
    cross: Array


def kalman_filter(data: Observations, system: System) -> Filtered:
    """Filter the observations; raise numpy.linalg.LinAlgError for a covariance that is not one."""
    evidence = Evidence(data, system)
    information = evidence.information
    score, _ = evidence.surprise(np.zeros((len(data.y), system.latents)))
    mean, covariance = prefixes(_filter_elements(evidence, score, system), _FILTER)

    predicted_mean = np.concatenate([system.m0[None], mean[:-1] @ system.A.T])
    spread = system.A @ covariance[:-1] @ system.A.T + system.Q
    predicted_covariance = np.concatenate([system.V0[None], symmetric(spread)])

    # One more exact update from the predictions, for all samples at once: with Vp = L L' and
    # G G' = I + L'JL, the covariance is W'W with W = G^-1 L', and log|S| = log|R| + 2 log|G|.
    root = np.linalg.cholesky(predicted_covariance)
    inner = np.eye(system.latents) + symmetric(_t(root) @ information @ root)
    gain_root = np.linalg.cholesky(inner)
    half = np.linalg.solve(gain_root, _t(root))
    covariance = symmetric(_t(half) @ half)
    score, squared = evidence.surprise(predicted_mean)
    pulled = _apply(half, score)
    mean = predicted_mean + _apply(_t(half), pulled)
    log_volume = np.sum(np.log(np.diagonal(gain_root, axis1=1, axis2=2)), axis=1)
    log_likelihood = evidence.constant - log_volume - 0.5 * (squared - np.sum(pulled**2, axis=1))
    return Filtered(mean, covariance, predicted_mean, predicted_covariance, log_likelihood)


def smooth(filtered: Filtered, system: System) -> Smoothed:
    """Run the smoother over filtered states."""
    before, after = filtered.covariance[:-1], filtered.predicted_covariance[1:]
    gain = _t(np.linalg.solve(after, system.A @ before))
    keep = np.eye(system.latents) - gain @ system.A
    local = keep @ before @ _t(keep) + gain @ system.Q @ _t(gain)
    start = filtered.mean[:-1] - _apply(gain, filtered.predicted_mean[1:])
    last = np.zeros_like(filtered.covariance[-1:])
    elements = (
        np.concatenate([gain, last])[::-1],
        np.concatenate([start, filtered.mean[-1:]])[::-1],
        np.concatenate([symmetric(local), filtered.covariance[-1:]])[::-1],
    )
    mean, covariance = (part[::-1] for part in prefixes(elements, _SMOOTHER))
    return Smoothed(mean, covariance, covariance[1:] @ _t(gain))


def _filter_elements(evidence: Evidence, score: Array, system: System) -> Elements:
    """Return (A, b, C, eta, J) of every sample (lemma 7 of the paper, in information form)."""
    latents = system.latents
    # I + QJ has eigenvalues of at least 1: solving with it is safe however precise a sample is.
    # All but the means depends on which channels were observed only, so it is done once for each.
    kinds = evidence.information_by_pattern
    wide = np.broadcast_to(np.hstack([system.A, system.Q]), (len(kinds), latents, 2 * latents))
    solved = np.linalg.solve(np.eye(latents) + system.Q @ kinds, wide)
    carried = solved[..., :latents]
    transition, noise = carried[evidence.index], symmetric(solved[..., latents:])[evidence.index]
    weight = symmetric(_t(carried) @ kinds @ system.A)[evidence.index]
    mean = _apply(noise, score)
    eta = _apply(_t(transition), score)

    now = kinds[evidence.index[0]]
    noise[0] = symmetric(np.linalg.solve(np.eye(latents) + system.V0 @ now, system.V0))
    mean[0] = system.m0 + noise[0] @ (score[0] - now @ system.m0)
    transition[0] = 0.0  # nothing comes before the first sample
    return transition, mean, noise, eta, weight


def _filter_combine(left: Elements, right: Elements) -> Elements:
    """Combine two stretches of samples, the left one earlier (lemma 8 of the paper)."""
    a_left, b_left, c_left, eta_left, j_left = left
    a_right, b_right, c_right, eta_right, j_right = right
    latents = a_left.shape[-1]
    kernel = np.eye(latents) + c_left @ j_right
    moved = (b_left + _apply(c_left, eta_right))[..., None]
    solved = np.linalg.solve(kernel, np.concatenate([a_left, c_left, moved], axis=-1))
    a_moved, c_moved = solved[..., :latents], solved[..., latents : 2 * latents]
    return (
        a_right @ a_moved,
        _apply(a_right, solved[..., -1]) + b_right,
        symmetric(a_right @ c_moved @ _t(a_right)) + c_right,
        _apply(_t(a_moved), eta_right - _apply(j_right, b_left)) + eta_left,
        symmetric(_t(a_moved) @ j_right @ a_left) + j_left,
    )


def _filter_extend(state: Elements, right: Elements) -> Elements:
    """Carry a filtered state (mean, covariance) over a stretch of samples."""
    mean, covariance = state
    a_right, b_right, c_right, eta_right, j_right = right
    latents = mean.shape[-1]
    kernel = np.eye(latents) + covariance @ j_right
    moved = (mean + _apply(covariance, eta_right))[..., None]
    solved = np.linalg.solve(kernel, np.concatenate([covariance, moved], axis=-1))
    return (
        _apply(a_right, solved[..., -1]) + b_right,
        symmetric(a_right @ solved[..., :latents] @ _t(a_right)) + c_right,
    )


def _smoother_combine(left: Elements, right: Elements) -> Elements:
    """Combine two stretches of samples, the left one later (lemma 10 of the paper)."""
    return (right[0] @ left[0], *_smoother_extend(left[1:], right))


def _smoother_extend(state: Elements, right: Elements) -> Elements:
    """Carry a smoothed state (mean, covariance) back over a stretch of samples."""
    gain, mean, covariance = right
    return (
        _apply(gain, state[0]) + mean,
        symmetric(gain @ state[1] @ _t(gain)) + covariance,
    )


def _t(matrices: Array) -> Array:
    return np.swapaxes(matrices, -1, -2)


def _apply(matrices: Array, vectors: Array) -> Array:
    product: Array = (matrices @ vectors[..., None])[..., 0]
    return product


# The first sample of the filter, and the last one of the smoother, depend on nothing outside, so
# that mean and covariance say all about a stretch that begins there.
_FILTER = Operation(_filter_combine, _filter_extend, lambda element: element[1:3])
_SMOOTHER = Operation(_smoother_combine, _smoother_extend, lambda element: element[1:])
