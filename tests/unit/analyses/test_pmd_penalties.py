"""Trend filtering and total variation solve the problems they claim to: independent oracles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pmd.noise import noise_sd
from pmd.trend import second_difference, smooth_trend, trend_filter
from pmd.variation import smooth_image, total_variation, variation_filter
from scipy.optimize import lsq_linear

LAW = settings(max_examples=25, deadline=None, derandomize=True)


def _second(size):
    return np.diff(np.eye(size), n=2, axis=0)


def _edges(height, width):
    """One row per pair of neighbouring pixels: the incidence matrix of the grid."""
    number = np.arange(height * width).reshape(height, width)
    pairs = np.concatenate(
        [
            np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1),
            np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1),
        ]
    )
    matrix = np.zeros((len(pairs), height * width))
    matrix[np.arange(len(pairs)), pairs[:, 0]] = -1
    matrix[np.arange(len(pairs)), pairs[:, 1]] = 1
    return matrix


def _by_dual(y, differences, multiplier):
    """The same minimiser from scipy: least squares in a box, the dual of both problems."""
    box = lsq_linear(differences.T, y, (-multiplier, multiplier), tol=1e-13, max_iter=2000)
    return y - differences.T @ box.x


@LAW
@given(seed=st.integers(0, 10**6), size=st.integers(3, 40), power=st.floats(-2, 2))
def test_trend_filter_solves_its_problem(seed, size, power):
    y = np.cumsum(np.random.default_rng(seed).normal(size=size))
    multiplier = 10.0**power
    expected = _by_dual(y, _second(size), multiplier)
    assert np.allclose(trend_filter(y, multiplier), expected, atol=0.02 * np.abs(y).max())


@LAW
@given(seed=st.integers(0, 10**6), height=st.integers(2, 7), width=st.integers(2, 7),
       power=st.floats(-2, 1))  # fmt: skip
def test_variation_filter_solves_its_problem(seed, height, width, power):
    image = np.random.default_rng(seed).normal(size=(height, width))
    multiplier = 10.0**power
    expected = _by_dual(image.ravel(), _edges(height, width), multiplier).reshape(image.shape)

    def objective(u):
        return 0.5 * np.sum((image - u) ** 2) + multiplier * total_variation(u)

    found = variation_filter(image, multiplier)
    assert objective(found) <= objective(expected) * (1 + 2e-3)
    # Strong convexity: a gap g leaves a distance of at most sqrt(2 g).
    assert np.linalg.norm(found - expected) <= np.sqrt(2 * 1.1e-3 * objective(expected)) + 1e-6


def test_total_variation_is_that_of_the_edges():
    image = np.random.default_rng(0).normal(size=(5, 6))
    assert total_variation(image) == pytest.approx(np.abs(_edges(5, 6) @ image.ravel()).sum())


def test_a_large_penalty_leaves_the_line_of_least_squares():
    y = np.random.default_rng(1).normal(size=60).cumsum()
    time = np.arange(60)
    line = np.polyval(np.polyfit(time, y, 1), time)
    assert np.allclose(trend_filter(y, 1e6), line, atol=1e-3)


def test_a_large_penalty_leaves_the_mean_of_an_image():
    image = np.random.default_rng(2).normal(size=(6, 6))
    assert np.allclose(variation_filter(image, 1e4), image.mean(), atol=1e-2)


def test_no_penalty_changes_nothing():
    rng = np.random.default_rng(3)
    y, image = rng.normal(size=50), rng.normal(size=(5, 5))
    assert np.allclose(trend_filter(y, 1e-9), y, atol=1e-6)
    assert np.allclose(variation_filter(image, 1e-9), image, atol=1e-6)
    assert np.array_equal(smooth_trend(y, 0.0)[0], y)


@LAW
@given(seed=st.integers(0, 10**6), noise=st.floats(0.05, 3.0))
def test_the_trend_is_as_far_from_the_data_as_the_noise(seed, noise):
    rng = np.random.default_rng(seed)
    signal = 10 * np.sin(np.arange(200) / 9)
    y = signal + noise * rng.normal(size=200)
    found, multiplier = smooth_trend(y, noise)
    assert np.linalg.norm(y - found) == pytest.approx(noise * np.sqrt(200), rel=6e-3)
    assert multiplier > 0
    # Nothing that is as near is smoother: so the true signal is not.
    if np.linalg.norm(y - signal) <= noise * np.sqrt(200):
        bends = np.abs(second_difference(found)).sum()
        assert bends <= np.abs(second_difference(signal)).sum() * 1.01


def test_a_start_does_not_change_the_answer():
    rng = np.random.default_rng(4)
    y = np.sin(np.arange(150) / 10) + 0.2 * rng.normal(size=150)
    one, multiplier = smooth_trend(y, 0.2)
    other, _ = smooth_trend(y, 0.2, 300 * multiplier)
    assert np.allclose(one, other, atol=0.02)


def test_what_noise_can_explain_becomes_as_smooth_as_can_be():
    rng = np.random.default_rng(5)
    time = np.arange(100)
    line = np.polyval(np.polyfit(time, y := rng.normal(size=100), 1), time)
    assert np.allclose(smooth_trend(y, 3.0)[0], line, atol=0.01)
    image = rng.normal(size=(8, 8))
    assert np.allclose(smooth_image(image, 3.0)[0], image.mean(), atol=0.01)


def test_edges_survive_denoising():
    rng = np.random.default_rng(6)
    image = np.zeros((12, 12))
    image[3:9, 4:10] = 1.0
    noisy = image + 0.2 * rng.normal(size=image.shape)
    found, _ = smooth_image(noisy, 0.2)
    assert np.mean((found - image) ** 2) < 0.4 * np.mean((noisy - image) ** 2)


@LAW
@given(seed=st.integers(0, 10**6), sd=st.floats(1e-3, 1e3))
def test_noise_is_told_from_slow_signal(seed, sd):
    y = sd * np.random.default_rng(seed).normal(size=(3, 4000))
    slow = 50 * sd * np.sin(np.arange(4000) / 40)
    assert np.allclose(noise_sd(y), sd, rtol=0.08)
    assert np.allclose(noise_sd(y + slow), sd, rtol=0.08)
