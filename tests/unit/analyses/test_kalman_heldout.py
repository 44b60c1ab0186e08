"""Held-out scores are exact predictive densities; folds share out the samples."""

import numpy as np
import pytest
from analyses_support import condition, gaussian
from kalman_smoother.baseline import WhiteNoise, fit_white_noise
from kalman_smoother.evidence import observe
from kalman_smoother.heldout import held_out_rows, score
from kalman_smoother.settings import Settings


def test_score_is_the_conditional_density(make_system, draw):
    rng = np.random.default_rng(1)
    system = make_system(rng, 2, 3, full=True)
    y = draw(rng, system, 24)
    y[rng.random(y.shape) < 0.1] = np.nan
    rows = np.zeros(24, dtype=bool)
    rows[[3, 4, 11, 23]] = True
    rest = np.where(rows[:, None], np.nan, y)
    found = score(y, rows, system, observe(rest))
    expected = condition(system, y)[2] - condition(system, rest)[2]
    assert found.samples == 4
    assert found.values == np.sum(~np.isnan(y[rows]))
    assert found.lds == pytest.approx(expected, rel=1e-9)


def test_white_noise_of_complete_data_is_the_sample_covariance():
    rng = np.random.default_rng(2)
    y = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 3)) + 5
    y[7] = np.nan
    found = fit_white_noise(observe(y))
    kept = np.delete(y, 7, axis=0)
    assert np.allclose(found.mean, kept.mean(axis=0))
    assert np.allclose(found.covariance, np.cov(kept.T, bias=True))
    expected = sum(gaussian(row, found.mean, found.covariance) for row in kept)
    assert found.log_likelihood(observe(y)) == pytest.approx(expected, rel=1e-10)


def test_white_noise_with_missing_channels_is_a_maximum():
    rng = np.random.default_rng(3)
    y = rng.normal(size=(80, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
    y[:25, 1] = np.nan
    data = observe(y)
    found = fit_white_noise(data)
    best = found.log_likelihood(data)
    for change in ([[0.02, 0], [0, 0]], [[0, 0.02], [0.02, 0]], [[0, 0], [0, 0.02]]):
        for sign in (1, -1):
            other = WhiteNoise(found.mean, found.covariance + sign * np.array(change))
            assert other.log_likelihood(data) < best


def test_few_samples_get_a_diagonal_covariance():
    y = np.random.default_rng(0).normal(size=(6, 3))
    covariance = fit_white_noise(observe(y)).covariance
    assert np.count_nonzero(covariance - np.diag(np.diagonal(covariance))) == 0


def test_folds_share_out_all_samples():
    y = np.ones((101, 2))
    y[10:14] = np.nan
    folds = [held_out_rows(y, Settings("d", k, replicas=4, seed=9)) for k in range(4)]
    assert np.array_equal(np.sum(folds, axis=0), ~np.isnan(y[:, 0]))
    sizes = [fold.sum() for fold in folds]
    assert max(sizes) - min(sizes) <= 1


def test_fraction_without_replica():
    y = np.ones((200, 1))
    assert held_out_rows(y, Settings("d", None, held_out_fraction=0.25)).sum() == 50
    assert held_out_rows(y, Settings("d", None, held_out_fraction=0.0)).sum() == 0
    one, other = (held_out_rows(y, Settings("d", None, seed=s)) for s in (1, 2))
    assert not np.array_equal(one, other)
