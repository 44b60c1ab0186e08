"""Stages of the widefield chain against what is known: shifts, regressions, filters."""

import numpy as np
import pytest
import widefield_support as support
from scipy import ndimage, sparse
from widefield.hemodynamics import correct, filtered
from widefield.motion import register


def _moved(rng, shifts, size=36, margin=6):
    wide = 500 * support.scene(rng, size + 2 * margin)
    frames = [ndimage.shift(wide, shift, order=5, mode="nearest") for shift in shifts]
    cut = slice(margin, -margin)
    return np.stack([frame[cut, cut] for frame in frames])


@pytest.mark.parametrize("seed", range(3))
def test_shifts_are_found_to_a_twentieth_of_a_pixel(seed):
    rng = np.random.default_rng(seed)
    shifts = rng.uniform(-2.5, 2.5, (40, 2))
    movie = rng.poisson(_moved(rng, shifts))
    registered, found = register(movie, 6, 3, lambda _: None)
    assert np.sqrt(np.mean((found - (shifts - shifts.mean(axis=0))) ** 2)) < 0.05
    # Registered frames differ by little more than the noise of the light.
    inner = registered[:, 6:-6, 6:-6]
    assert np.mean(inner.var(axis=0)) < 2 * inner.mean()


def test_shifts_go_no_farther_than_allowed():
    rng = np.random.default_rng(3)
    movie = _moved(rng, [(0, 0)] * 30 + [(4.0, -3.0)] * 3)
    _, found = register(movie, 2, 2, lambda _: None)
    assert np.ptp(found, axis=0).max() <= 4.0
    assert found[-1, 0] > 1.5
    assert found[-1, 1] < -1.5


def test_a_still_movie_does_not_move():
    movie = np.repeat(500 * support.scene(np.random.default_rng(0))[None], 20, axis=0)
    registered, found = register(movie, 6, 2, lambda _: None)
    np.testing.assert_allclose(found, 0, atol=1e-9)
    np.testing.assert_allclose(registered, movie, rtol=1e-5)


def _factors(rng, pixels=50, rank=6, frames=200):
    images = sparse.random_array((pixels, rank), density=0.4, rng=rng, format="csr")
    return images, rng.normal(size=(rank, frames)), rng.normal(size=(rank, frames))


def test_correction_is_the_regression_of_every_pixel():
    images, calcium, violet = _factors(np.random.default_rng(0))
    found = correct(images, calcium, violet, 500, 1.0)
    b, v = images @ calcium, images @ violet
    expected = np.empty_like(b)
    for pixel in range(len(b)):
        power = v[pixel] @ v[pixel]
        slope = b[pixel] @ v[pixel] / power if power else 0.0
        assert found.coefficient[pixel] == pytest.approx(slope)
        expected[pixel] = b[pixel] - slope * v[pixel]
    np.testing.assert_allclose(found.images @ found.courses, expected, atol=1e-9)
    np.testing.assert_allclose(
        found.courses @ found.courses.T, np.eye(len(found.courses)), atol=1e-9
    )
    share = 1 - np.sum(expected**2, axis=1) / np.maximum(np.sum(b**2, axis=1), 1e-300)
    lit = np.any(b != 0, axis=1)
    np.testing.assert_allclose(found.explained[lit], share[lit], atol=1e-9)


def test_blood_of_any_strength_is_taken_out_exactly():
    rng = np.random.default_rng(1)
    blood = rng.normal(size=(1, 300))
    signal = rng.normal(size=(1, 300))
    signal -= (signal @ blood.T) / (blood @ blood.T) * blood
    pixels = rng.uniform(0.5, 2, size=(40, 2))
    # Column 0 is calcium, column 1 blood, and blood is seen at both wavelengths.
    images = sparse.csr_array(pixels)
    calcium, violet = np.vstack([signal, 1.7 * blood]), np.vstack([0 * signal, blood])
    found = correct(images, calcium, violet, 500, 1.0)
    np.testing.assert_allclose(found.coefficient, 1.7)
    np.testing.assert_allclose(found.images @ found.courses, pixels[:, :1] @ signal, atol=1e-9)


def test_factors_are_cut_where_power_is_reached():
    images, calcium, violet = _factors(np.random.default_rng(2))
    every = correct(images, calcium, violet, 500, 1.0)
    powers = np.cumsum(np.sum(every.images**2, axis=0))
    for most, power in ((500, 0.9), (3, 1.0), (2, 0.5)):
        found = correct(images, calcium, violet, most, power)
        count = len(found.courses)
        assert count <= most
        assert found.kept == pytest.approx(powers[count - 1] / powers[-1])
        assert found.kept >= power or count == most
        np.testing.assert_allclose(found.images, every.images[:, :count], atol=1e-9)


def test_filters_take_out_what_is_slow_and_what_is_fast():
    time = np.arange(600) / 20.0
    slow, middle, fast = (np.sin(2 * np.pi * f * time + 1)[None] for f in (0.03, 1.0, 8.0))
    inner = slice(60, -60)

    def power(x):
        return np.mean(x[:, inner] ** 2)

    assert power(filtered(5 + slow, 20.0, 0.3, None)) < 0.01
    assert power(filtered(fast, 20.0, 0.0, 2.0)) < 0.01
    kept = filtered(middle + 3, 20.0, 0.1, 6.0)
    np.testing.assert_allclose(kept[:, inner], middle[:, inner], atol=0.02)
    np.testing.assert_allclose(filtered(middle, 20.0, 0.0, None), middle - middle.mean())
