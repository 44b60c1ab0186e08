"""Filter and smoother agree with pykalman and with brute-force conditioning to 1e-8."""

from dataclasses import replace

import numpy as np
import pytest
from analyses_support import condition, distance, precise_mean
from kalman_smoother.evidence import observe
from kalman_smoother.inference import kalman_filter, smooth
from pykalman import KalmanFilter

BAR = 1e-8


def _pykalman(system):
    return KalmanFilter(
        transition_matrices=system.A,
        observation_matrices=system.C,
        transition_covariance=system.Q,
        observation_covariance=system.R,
        observation_offsets=system.d,
        initial_state_mean=system.m0,
        initial_state_covariance=system.V0,
    )


@pytest.mark.parametrize("missing", ["none", "rows", "first and last", "a long gap"])
@pytest.mark.parametrize(
    ("latents", "channels", "samples"), [(4, 8, 300), (1, 1, 100), (5, 2, 257)]
)
def test_agrees_with_pykalman(make_system, draw, latents, channels, samples, missing):
    rng = np.random.default_rng(7)
    system = make_system(rng, latents, channels, full=True)
    y = draw(rng, system, samples)
    rows = {
        "none": [],
        "rows": rng.permutation(samples)[: samples // 10],
        "first and last": [0, samples - 1],
        "a long gap": range(20, 80),
    }[missing]
    y[rows] = np.nan
    reference = _pykalman(system)
    masked = np.ma.masked_invalid(y)
    filtered = kalman_filter(observe(y), system)
    smoothed = smooth(filtered, system)

    mean, covariance = reference.filter(masked)
    assert distance(filtered.mean, mean) < BAR
    assert distance(filtered.covariance, covariance) < BAR
    mean, covariance = reference.smooth(masked)
    assert distance(smoothed.mean, mean) < BAR
    assert distance(smoothed.covariance, covariance) < BAR
    expected = reference.loglikelihood(masked)
    assert abs(filtered.log_likelihood.sum() - expected) < BAR * abs(expected)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("samples", [1, 2, 3, 33])
def test_missing_channels_are_exact(make_system, draw, samples, seed):
    rng = np.random.default_rng(seed)
    system = make_system(rng, 3, 4, full=True)
    y = draw(rng, system, samples)
    y[rng.random(y.shape) < 0.4] = np.nan
    y[0, 0] = 1.0
    filtered = kalman_filter(observe(y), system)
    smoothed = smooth(filtered, system)
    mean, covariance, log_likelihood = condition(system, y)
    assert distance(smoothed.mean, mean) < BAR
    assert distance(smoothed.covariance, covariance) < BAR
    assert abs(filtered.log_likelihood.sum() - log_likelihood) < BAR * abs(log_likelihood)


def test_precise_measurements_do_not_break_it(make_system, draw):
    """Noise ten orders of magnitude below the signal; a textbook recursion is off by 5e-4 here."""
    rng = np.random.default_rng(3)
    system = make_system(rng, 4, 6)
    y = draw(rng, system, 300)
    precise = replace(system, R=1e-10 * np.eye(6), Q=1e-4 * system.Q)
    filtered = kalman_filter(observe(y), precise)
    smoothed = smooth(filtered, precise)
    assert np.linalg.eigvalsh(filtered.covariance).min() > 0
    assert np.linalg.eigvalsh(smoothed.covariance).min() > 0
    assert distance(smoothed.mean, precise_mean(precise, y)) < 1e-12


def test_nothing_observed_gives_the_prior(make_system):
    system = make_system(np.random.default_rng(0), 2, 3)
    y = np.full((5, 3), np.nan)
    filtered = kalman_filter(observe(y), system)
    assert filtered.log_likelihood.tolist() == [0.0] * 5
    assert np.allclose(filtered.mean[0], system.m0)
    assert np.allclose(filtered.covariance[0], system.V0)
    assert np.allclose(filtered.mean[1], system.A @ system.m0)
