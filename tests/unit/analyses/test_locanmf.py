"""LocaNMF: what its loops promise, what must change nothing, and what it refuses."""

import io

import locanmf_support as support
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from locanmf.hals import Factors, explained, localization, sweep
from locanmf.search import distances

U, V, ATLAS, OWNERS = support.movie()
DATA = {"U": U, "V": V, "atlas": ATLAS}


def _loss(movie, factors, distance, weight):
    fit = np.sum((movie - factors.images.T @ factors.courses) ** 2) / 2
    spill = np.sum(factors.images * distance[factors.regions], axis=1)
    return fit + weight @ spill


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**16), st.booleans())
def test_sweeps_never_raise_the_loss_and_stay_positive(seed, penalized):
    """With a penalty images must not be rescaled for that, so one sweep of images is compared."""
    rng = np.random.default_rng(seed)
    movie = rng.normal(size=(30, 6))
    distance = rng.uniform(size=(2, 30))
    images = rng.uniform(size=(3, 30))
    images /= images.max(axis=1, keepdims=True)
    factors = Factors(images, rng.normal(size=(3, 6)), np.array([0, 1, 1]))
    weight = np.full(3, 0.5 if penalized else 0.0)
    before = _loss(movie, factors, distance, weight)
    for _ in range(5):
        sweep(movie, factors, distance, weight, 1)
        assert factors.images.min() >= 0
        after = _loss(movie, factors, distance, weight)
        if not penalized:
            assert after <= before + 1e-9 * abs(before)
        before = after


def test_a_penalty_moves_images_home():
    rng = np.random.default_rng(3)
    inside = np.zeros((2, 40), dtype=bool)
    inside[0, :20] = inside[1, 20:] = True
    movie = np.abs(rng.normal(size=(40, 2))) @ rng.normal(size=(2, 8))
    shares = []
    for weight in (0.0, 1.0, 10.0):
        start = Factors(np.ones((2, 40)), movie[[5, 30]].copy(), np.array([0, 1]))
        sweep(movie, start, (~inside).astype(float), np.full(2, weight), 50)
        shares.append(localization(start, inside).min())
    assert shares == sorted(shares)
    assert shares[-1] > shares[0] + 0.1


def test_shares_are_what_they_say():
    inside = np.array([[True, True, False], [False, False, True]])
    factors = Factors(np.array([[1.0, 0, 1.0], [0, 0, 2.0]]), np.eye(2), np.array([0, 1]))
    np.testing.assert_allclose(localization(factors, inside), [0.5, 1.0])
    exact = factors.images.T @ factors.courses
    assert explained(exact, factors, inside)[0] == pytest.approx(1.0)
    total, by_region = explained(2 * exact, factors, inside)
    assert total == pytest.approx(0.75)
    np.testing.assert_allclose(by_region, 0.75)


def test_distances_are_zero_inside_and_grow():
    far = distances(ATLAS, (1, 2, 3, 4))
    assert (far[0][ATLAS == 1] == 0).all()
    assert far[0].max() == far[0][15, 15] == 1.0
    assert (np.diff(far[0][0, 7:]) > 0).all()


def _found(tmp_path, data, **parameters):
    code, folder = support.run(tmp_path, data, **parameters)
    assert code == 0
    return dict(np.load(folder / "components.npz"))


def _match(found, courses, owners):
    both = np.corrcoef(np.vstack([courses, found["C"]]))[: len(courses), len(courses) :]
    return np.where(owners[:, None] == found["regions"], both, -1).max(axis=1)


@pytest.mark.parametrize("seed", range(4))
def test_components_of_a_noise_free_movie_are_found(tmp_path, seed):
    space, courses, atlas, owners = support.movie(seed)
    found = _found(tmp_path, {"U": space, "V": courses, "atlas": atlas})
    assert _match(found, courses, owners).min() > 0.95
    assert found["localization"].min() >= 0.8
    assert found["A"].min() == 0
    np.testing.assert_allclose(found["A"].max(axis=(1, 2)), 1.0)


@pytest.mark.parametrize(("seed", "unit"), [(1, 1000.0), (2, 1e-9)])
def test_the_basis_of_the_movie_and_its_units_change_nothing(tmp_path, seed, unit):
    """U V is what counts, not U and V."""
    mix = np.random.default_rng(seed).normal(size=(U.shape[2],) * 2)
    one = _found(tmp_path / "a", DATA)
    other = _found(tmp_path / "b", {**DATA, "U": unit * U @ mix, "V": np.linalg.solve(mix, V)})
    np.testing.assert_array_equal(one["regions"], other["regions"])
    # Image times course: those of nearly no power are rounding and share no shape.
    parts = [f["A"].reshape(len(f["A"]), -1, 1) * f["C"][:, None] for f in (one, other)]
    np.testing.assert_allclose(unit * parts[0], parts[1], atol=1e-3 * np.abs(parts[1]).max())


def test_numbers_of_regions_are_names_only(tmp_path):
    one = _found(tmp_path / "a", DATA)
    renamed = np.array([0, 7, 20, 21, 300])[ATLAS]
    other = _found(
        tmp_path / "b", {**DATA, "atlas": renamed, "regions": np.array(["a", "b", "c", "d"])}
    )
    np.testing.assert_array_equal(one["C"], other["C"])
    assert set(other["regions"]) == {7, 20, 21, 300}
    assert other["region_names"].tolist() == ["a", "b", "c", "d"]


def test_rank_grows_only_where_it_is_needed_and_allowed(tmp_path):
    found = _found(tmp_path / "a", DATA, maximum_rank=1)
    assert found["regions"].tolist() == [1, 2, 3, 4]
    grown = _found(tmp_path / "b", DATA, r2_threshold=0.9)
    assert grown["regions"].tolist().count(2) >= 2


def _bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _with(array, index, value):
    copy = array.copy()
    copy[index] = value
    return copy


REFUSED = [
    (b"", {}, "the file is empty"),
    (None, {}, "there is no such dataset"),
    (b"PK\x03\x04 cut", {}, "not a readable .npz file"),
    (_bytes(U), {}, "it is a single array"),
    ({"U": U, "V": V}, {}, "it has no array named atlas (it has U, V)"),
    ({**DATA, "U": U[0]}, {}, "U must be height x width x K and V must be K x frames"),
    ({**DATA, "V": V[:2]}, {}, "U must be height x width x K and V must be K x frames"),
    ({**DATA, "V": V[:, :1]}, {}, "it holds no movie"),
    ({**DATA, "U": _with(U, (1, 1, 1), np.nan)}, {}, "U holds NaN or infinite values"),
    ({**DATA, "V": V * 1j}, {}, "V must hold real numbers, not complex128"),
    ({**DATA, "V": V * 1e200}, {}, "V holds values beyond 1e+100; check the units"),
    ({**DATA, "atlas": ATLAS[:8]}, {}, "the atlas has shape (8, 16), but the images of U (16, 16)"),
    ({**DATA, "atlas": ATLAS * 0.5}, {}, "the atlas must hold whole numbers of regions"),
    ({**DATA, "atlas": ATLAS - 2}, {}, "the atlas holds -1; regions count from 1"),
    ({**DATA, "atlas": ATLAS * 0 + 1}, {}, "fewer than two regions"),
    ({**DATA, "atlas": _with(ATLAS, (0, 0), 9)}, {}, "region 9 of the atlas has only 1 pixels"),
    ({**DATA, "U": U * (ATLAS != 3)[:, :, None]}, {}, "the movie is zero in region 3"),
    ({**DATA, "U": 0 * U}, {}, "the movie U V is zero in every region"),
    ({**DATA, "sampling_rate": np.array(-1.0)}, {}, "must be one positive number of Hz"),
    ({**DATA, "regions": np.array(["a"])}, {}, "regions must be 4 names"),
    (DATA, {"localization_threshold": 80}, "a fraction (not percent) from 0 to 0.99, not 80"),
    (DATA, {"r2_threshold": float("nan")}, "r2_threshold must be a fraction"),
    (DATA, {"maximum_rank": 0}, "maximum_rank must be a whole number from 1 to 20"),
    (DATA, {"minimum_rank": 5}, "minimum_rank 5 is more than maximum_rank 4"),
    (DATA, {"sweeps": True}, "sweeps must be a whole number"),
    (DATA, {"rank": 3}, "parameter 'rank' does not exist; there are:"),
    (DATA, {"config": "[]"}, "config.yaml does not say schema: neurocaas/config/v1"),
    (DATA, {"name": "movie.mat"}, "the suffix must be .npz"),
]


def test_too_much_for_memory(tmp_path, capsys):
    atlas = 1 + np.arange(2000 * 1000).reshape(2000, 1000) // 20_000
    code, _ = support.run(
        tmp_path, {"U": np.ones((2000, 1000, 1)), "V": np.ones((1, 5)), "atlas": atlas}
    )
    assert code == 65
    assert "do not fit into memory; give at most 249287 pixels" in capsys.readouterr().err


@pytest.mark.parametrize(("content", "options", "sentence"), REFUSED)
def test_refusals(tmp_path, capsys, content, options, sentence):
    code, outputs = support.run(tmp_path, content, **options)
    printed = capsys.readouterr()
    assert code == 65, printed
    assert printed.err.startswith("error: ")
    assert sentence in printed.err
    assert printed.err.count("\n") == 1
    assert list(outputs.iterdir()) == []
