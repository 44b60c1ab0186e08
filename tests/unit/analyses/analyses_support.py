"""Where the sources are, and independent oracles: joint Gaussians conditioned by brute force."""

from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]


def joint(system, samples):
    """Mean and covariance of (x[0..T-1], y[0..T-1]) as one long vector, built from the equations."""
    latents, channels = len(system.A), len(system.C)
    size = samples * latents
    mean = np.zeros(size)
    cov = np.zeros((size, size))
    m, v = system.m0, system.V0
    for t in range(samples):
        rows = slice(t * latents, (t + 1) * latents)
        mean[rows] = m
        cov[rows, rows] = v
        across = v
        for later in range(t + 1, samples):
            across = system.A @ across
            cols = slice(later * latents, (later + 1) * latents)
            cov[cols, rows] = across
            cov[rows, cols] = across.T
        m, v = system.A @ m, system.A @ v @ system.A.T + system.Q
    big = np.kron(np.eye(samples), system.C)
    y_mean = big @ mean + np.tile(system.d, samples)
    y_cov = big @ cov @ big.T + np.kron(np.eye(samples), system.R)
    assert y_cov.shape == (samples * channels,) * 2
    return mean, cov, y_mean, y_cov, cov @ big.T


def condition(system, y):
    """Smoothed means (T, D), covariances (T, D, D) and log-likelihood given the samples not NaN."""
    samples, latents = len(y), len(system.A)
    mean, cov, y_mean, y_cov, across = joint(system, samples)
    seen = ~np.isnan(y.ravel())
    log_likelihood = gaussian(y.ravel()[seen], y_mean[seen], y_cov[np.ix_(seen, seen)])
    gain = np.linalg.solve(y_cov[np.ix_(seen, seen)], across[:, seen].T).T
    mean = mean + gain @ (y.ravel()[seen] - y_mean[seen])
    cov = cov - gain @ across[:, seen].T
    blocks = cov.reshape(samples, latents, samples, latents)
    picked = np.stack([blocks[t, :, t] for t in range(samples)])
    return mean.reshape(samples, latents), picked, log_likelihood


def precise_mean(system, y):
    """Smoothed means (T, D) of complete samples by one solve with the precision matrix of all states.

    Unlike the covariance form it loses nothing when samples are far more precise than the dynamics.
    """
    samples, latents = len(y), len(system.A)
    weight, inverse = np.linalg.inv(system.R), np.linalg.inv(system.Q)
    precision = np.kron(np.eye(samples), system.C.T @ weight @ system.C)
    pull = ((y - system.d) @ weight @ system.C).ravel()
    first = slice(0, latents)
    precision[first, first] += np.linalg.inv(system.V0)
    pull[first] += np.linalg.solve(system.V0, system.m0)
    for t in range(1, samples):
        now, before = (slice(k * latents, (k + 1) * latents) for k in (t, t - 1))
        precision[now, now] += inverse
        precision[before, before] += system.A.T @ inverse @ system.A
        precision[now, before] -= inverse @ system.A
        precision[before, now] -= system.A.T @ inverse
    return np.linalg.solve(precision, pull).reshape(samples, latents)


def gaussian(value, mean, cov):
    """Log density of a Gaussian."""
    if not len(value):
        return 0.0
    error = value - mean
    volume = np.linalg.slogdet(2 * np.pi * cov)[1]
    return float(-0.5 * (volume + error @ np.linalg.solve(cov, error)))


def distance(found, expected):
    """Norm of the difference, relative to the norm of what was expected."""
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)
