"""White noise: samples that are independent in time, with correlated Gaussian channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kalman_smoother.evidence import Observations
from kalman_smoother.system import Array, floored

_ITERATIONS = 200
_CONVERGED = 1e-10
_FLOOR = 1e-6


@dataclass(frozen=True, slots=True)
class WhiteNoise:
    """y[t] ~ N(mean, covariance), independently; mean (N,), covariance (N, N)."""

    mean: Array
    covariance: Array

    def log_likelihood(self, data: Observations) -> float:
        """Return log p(y) in nats over the observed values."""
        total = 0.0
        for pattern in data.patterns:
            seen = pattern.channels
            if not len(seen):
                continue
            factor = np.linalg.cholesky(self.covariance[np.ix_(seen, seen)])
            white = np.linalg.solve(
                factor, (data.y[np.ix_(pattern.rows, seen)] - self.mean[seen]).T
            )
            volume = 2 * np.sum(np.log(np.diagonal(factor))) + len(seen) * np.log(2 * np.pi)
            total -= 0.5 * float(np.sum(white**2) + len(pattern.rows) * volume)
        return total


def fit_white_noise(data: Observations) -> WhiteNoise:
    """Fit by maximum likelihood (EM over missing channels; Little and Rubin 2002, section 11.2).

    With no more than two samples per channel a full covariance means nothing; it is then diagonal.
    """
    mean = np.nanmean(data.y, axis=0)
    variance = np.nanvar(data.y, axis=0)
    covariance = np.diag(np.maximum(variance, _FLOOR * np.max(variance)))
    informed = [p for p in data.patterns if len(p.channels)]
    samples = sum(len(p.rows) for p in informed)
    channels = data.y.shape[1]
    if samples <= 2 * channels:
        return WhiteNoise(mean, covariance)
    complete = all(len(p.channels) == channels for p in informed)
    floor = _FLOOR * float(np.min(np.diagonal(covariance)))
    for _ in range(1 if complete else _ITERATIONS):
        old = covariance
        first, second = np.zeros(channels), np.zeros((channels, channels))
        for pattern in informed:
            seen = pattern.channels
            missing = np.setdiff1d(np.arange(channels), seen)
            y = np.empty((len(pattern.rows), channels))
            y[:, seen] = data.y[np.ix_(pattern.rows, seen)]
            if len(missing):
                across = covariance[np.ix_(seen, missing)]
                slope = np.linalg.solve(covariance[np.ix_(seen, seen)], across).T
                y[:, missing] = mean[missing] + (y[:, seen] - mean[seen]) @ slope.T
                rest = covariance[np.ix_(missing, missing)] - slope @ across
                second[np.ix_(missing, missing)] += len(y) * rest
            centred = y - mean
            first += centred.sum(axis=0)
            second += centred.T @ centred
        shift = first / samples
        mean = mean + shift
        covariance = floored(second / samples - np.outer(shift, shift), floor)
        if np.linalg.norm(covariance - old) <= _CONVERGED * np.linalg.norm(old):
            break
    return WhiteNoise(mean, covariance)
