"""The decomposition: ranks that are known, noise that has none, and what must not matter."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pmd.block import Rules, decompose, leading_pair
from pmd.decomposition import analyse, standardise
from pmd.roughness import (
    Thresholds,
    is_signal,
    simulate,
    spatial_roughness,
    temporal_roughness,
)
from pmd.settings import Settings
from pmd.summary import summarise
from pmd.tiling import tile
from scipy.stats import ks_2samp

LAW = settings(max_examples=25, deadline=None, derandomize=True)
FEW = settings(max_examples=2, deadline=None, derandomize=True)


def _analyse(movie, **asked):
    return analyse(movie, Settings("d", **{"block_size": 8, "rounds": 1, **asked}), lambda *_: None)


def _smooth(rng, shape, frames, rank):
    """Smooth images (rank, h, w) and time courses (rank, T), orthogonal to each other in time."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    images = np.array(
        [
            np.exp(-((rows - rng.uniform(0, shape[0])) ** 2
                     + (columns - rng.uniform(0, shape[1])) ** 2) / 18)
            for _ in range(rank)
        ]
    )  # fmt: skip
    time = np.arange(frames)
    courses = [np.sin(2 * np.pi * (k + 2) * time / frames) * np.sqrt(2) for k in range(rank)]
    return images, np.array(courses)


def _movie(seed, frames=120, shape=(12, 12), rank=2, size=3.0, noise=1.0):
    rng = np.random.default_rng(seed)
    images, courses = _smooth(rng, shape, frames, rank)
    clean = 100 + size * np.einsum("kij,kt->tij", images, courses)
    return clean + noise * rng.normal(size=clean.shape), clean


@LAW
@given(
    height=st.integers(1, 40), width=st.integers(1, 40), size=st.integers(1, 20),
    overlap=st.booleans(),
)  # fmt: skip
def test_weights_add_up_to_one_in_every_pixel(height, width, size, overlap):
    tiling = tile(height, width, size, overlap=overlap)
    total = np.zeros(height * width)
    for block, weight in enumerate(tiling.weights):
        place = tiling.pixels(block, width)
        assert len(np.unique(place)) == weight.size == np.prod(tiling.shape)
        assert weight.min() > 0
        total[place] += weight.ravel()
    assert np.allclose(total, 1, atol=1e-12)
    assert np.prod(tiling.grid) == len(tiling.corners)


@LAW
@given(seed=st.integers(0, 10**6), pixels=st.integers(2, 30), frames=st.integers(2, 30))
def test_the_leading_pair_is_numpys(seed, pixels, frames):
    matrix = np.random.default_rng(seed).normal(size=(pixels, frames))
    u, v = leading_pair(matrix)
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    best = values[0] * np.outer(left[:, 0], right[0])
    assert np.linalg.norm(u) == pytest.approx(1)
    assert u[np.argmax(np.abs(u))] > 0
    assert np.linalg.norm(matrix - np.outer(u, v)) == pytest.approx(np.linalg.norm(matrix - best))


def test_singular_vectors_of_noise_are_as_rough_as_gaussian_vectors():
    """The thresholds are simulated without a decomposition; this is why that is right."""
    rng = np.random.default_rng(0)
    images, courses = [], []
    for _ in range(250):
        noise = rng.normal(size=(36, 60))
        left, _, right = np.linalg.svd(noise - noise.mean(axis=1)[:, None], full_matrices=False)
        images.append(spatial_roughness(left[:, 0].reshape(6, 6)))
        courses.append(temporal_roughness(right[0]))
    direct = [spatial_roughness(rng.normal(size=(6, 6))) for _ in range(2000)]
    centred = [rng.normal(size=60) for _ in range(2000)]
    direct_courses = [temporal_roughness(c - c.mean()) for c in centred]
    assert ks_2samp(images, direct).pvalue > 0.01
    assert ks_2samp(courses, direct_courses).pvalue > 0.01


def test_thresholds_are_passed_by_the_share_of_noise_that_was_asked_for():
    found = simulate((8, 8), 100, 0.1, 3)
    rng = np.random.default_rng(1)
    images = [spatial_roughness(rng.normal(size=(8, 8))) < found.spatial for _ in range(3000)]
    courses = [temporal_roughness(rng.normal(size=100)) < found.temporal for _ in range(3000)]
    assert np.mean(images) == pytest.approx(0.1, abs=0.025)
    assert np.mean(courses) == pytest.approx(0.1, abs=0.025)
    assert simulate((8, 8), 100, 0.1, 3) == found


def test_a_component_must_be_smooth_in_space_and_in_time():
    thresholds = simulate((8, 8), 100, 0.05, 0)
    rng = np.random.default_rng(2)
    smooth_image, smooth_course = np.outer(*2 * [np.hanning(10)[1:-1]]), np.sin(np.arange(100) / 9)
    rough_image, rough_course = rng.normal(size=(8, 8)), rng.normal(size=100)
    assert is_signal(smooth_image, smooth_course, thresholds)
    assert not is_signal(rough_image, smooth_course, thresholds)
    assert not is_signal(smooth_image, rough_course, thresholds)
    assert not is_signal(np.zeros((8, 8)), np.zeros(100), thresholds)


@pytest.mark.parametrize("seed", range(4))
def test_pure_noise_has_no_components(seed):
    movie = np.random.default_rng(seed).normal(50, 3, size=(150, 16, 16))
    found = _analyse(movie, false_positive_rate=0.005)
    assert found.V.shape == (0, 150)
    assert found.U.shape == (256, 0)
    assert not found.ranks.any()
    assert np.array_equal(found.movie(), np.broadcast_to(movie.mean(axis=0), movie.shape))
    # At the usual level a few noise components pass, no more than the two tests together let.
    assert _analyse(movie).ranks.mean() < 0.2


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_the_rank_of_a_block_is_found(rank):
    movie, _ = _movie(rank, shape=(12, 12), rank=rank, size=8.0)
    found = _analyse(movie, block_size=12, smoothing="none", false_positive_rate=0.005)
    assert found.ranks.tolist() == [[rank]]


def test_without_penalties_a_block_gets_its_truncated_svd():
    movie, _ = _movie(5, shape=(10, 10), rank=3, size=8.0)
    found = _analyse(movie, block_size=10, smoothing="none", false_positive_rate=0.005)
    assert len(found.V) == 3
    pixels, mean, noise = standardise(movie)
    left, values, right = np.linalg.svd(pixels.astype(float), full_matrices=False)
    best = noise[:, None] * ((left[:, :3] * values[:3]) @ right[:3]) + mean[:, None]
    assert np.allclose(found.movie().reshape(120, -1).T, best, atol=1e-4)


def test_penalties_bring_the_movie_nearer_to_the_truth():
    movie, clean = _movie(6, size=1.5)
    error = {
        how: np.mean((_analyse(movie, smoothing=how).movie() - clean) ** 2)
        for how in ("none", "space", "time", "both")
    }
    assert max(error["space"], error["time"]) < error["none"] < 0.2
    assert error["both"] < min(0.6 * error["none"], error["space"])


def test_blocks_that_overlap_have_no_seams():
    movie, clean = _movie(7, shape=(16, 16), rank=3)
    error = {
        overlap: np.mean((_analyse(movie, overlap=overlap).movie() - clean) ** 2)
        for overlap in (True, False)
    }
    assert error[True] < error[False]


def test_a_block_stops_at_its_largest_rank():
    movie, _ = _movie(8, rank=4, size=8.0)
    assert _analyse(movie, max_rank=2).ranks.max() == 2


def test_noise_is_taken_off_before_signal_that_is_weaker():
    """A rough component that is strongest must not hide a smooth one: that is what failures do."""
    rng = np.random.default_rng(9)
    images, courses = _smooth(rng, (8, 8), 200, 1)
    flicker = 2.0 * np.outer(rng.normal(size=64), rng.normal(size=200))
    block = flicker + np.outer(images[0].ravel(), 2 * courses[0]) + 0.1 * rng.normal(size=(64, 200))
    thresholds = simulate((8, 8), 200, 0.005, 0)
    for failures, rank in ((1, 0), (3, 1)):
        found = decompose(block, (8, 8), Rules(thresholds, failures=failures, smooth_space=False))
        assert len(found.courses) == rank


def test_everything_passes_thresholds_without_bounds_and_adds_up():
    block = np.random.default_rng(10).normal(size=(9, 40))
    rules = Rules(Thresholds(np.inf, np.inf), 9, smooth_space=False, smooth_time=False)
    found = decompose(block, (3, 3), rules)
    assert np.allclose(found.images @ found.courses, block)
    assert np.allclose(found.images.T @ found.images, np.eye(9), atol=1e-6)


@FEW
@given(seed=st.integers(0, 10**6), power=st.integers(-20, 20))
def test_units_do_not_matter(seed, power):
    """Powers of two are exact in binary, so the results are, too."""
    movie, _ = _movie(seed, frames=64)
    one, other = _analyse(movie), _analyse(movie * 2.0**power)
    assert np.array_equal(one.ranks, other.ranks)
    assert np.array_equal(one.V, other.V)
    assert np.array_equal(one.U.toarray() * 2.0**power, other.U.toarray())


@FEW
@given(seed=st.integers(0, 10**6))
def test_where_zero_is_does_not_matter(seed):
    movie, _ = _movie(seed, frames=64)
    one, other = _analyse(movie), _analyse(movie + 1000.0)
    assert np.array_equal(one.ranks, other.ranks)
    assert np.allclose(one.movie() + 1000, other.movie(), atol=1e-2)


def test_a_mirrored_movie_gives_the_mirrored_result():
    movie, _ = _movie(11)
    one, other = _analyse(movie), _analyse(movie[:, :, ::-1])
    assert np.array_equal(one.ranks[:, ::-1], other.ranks)
    assert np.allclose(one.movie()[:, :, ::-1], other.movie(), atol=0.05)


def test_integers_and_floats_give_the_same():
    movie, _ = _movie(12, size=20.0, noise=5.0)
    counts = movie.round().astype(np.uint16)
    one, other = _analyse(counts), _analyse(counts.astype(np.float32))
    assert np.array_equal(one.V, other.V)


def test_pixels_that_never_change_stay_as_they_are():
    movie, _ = _movie(13)
    movie[:, :, :5] = 7.3
    found = _analyse(movie)
    assert np.array_equal(found.noise[:, :5], np.zeros((12, 5)))
    assert np.allclose(found.movie()[:, :, :5], 7.3, atol=1e-4)


def test_the_number_of_processors_does_not_matter(monkeypatch):
    movie, _ = _movie(14, frames=64)
    results = []
    for processors in (1, 2, 3):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=processors: set(range(n)))
        results.append(_analyse(movie))
    for other in results[1:]:
        assert np.array_equal(results[0].V, other.V)
        assert np.array_equal(results[0].U.data, other.U.data)
        assert np.array_equal(results[0].block, other.block)


def test_summary_is_that_of_numpy():
    """Correlations with neighbours, strip by strip, against corrcoef."""
    movie, _ = _movie(15, shape=(20, 9))
    found = _analyse(movie)
    summary = summarise(movie, found)
    rest = movie - found.movie()
    for name, source in (("raw", movie), ("denoised", found.movie()), ("residual", rest)):
        for row, column in ((0, 0), (15, 4), (16, 8), (19, 3)):
            beside = [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
            values = [
                np.corrcoef(source[:, row, column], source[:, r, c])[0, 1]
                for r, c in beside
                if 0 <= r < 20 and 0 <= c < 9
            ]
            assert getattr(summary, name)[row, column] == pytest.approx(np.mean(values), abs=1e-6)
    lag = np.corrcoef(rest[1:, 4, 4], rest[:-1, 4, 4])[0, 1]
    assert summary.persistence[4, 4] == pytest.approx(lag, abs=1e-9)
    assert np.allclose(summary.residual_variance, rest.var(axis=0))
