"""CNMF: what the equations say, on signals whose truth is known; and what it refuses."""

import io

import caiman_support as support
import numpy as np
import pytest
from cnmf import movie as movies
from cnmf.greedy import cells
from cnmf.lasso import sparse_weights
from cnmf.merge import joined
from cnmf.noise import noise_sd
from cnmf.oasis import decay_of, deconvolve, nonnegative_decay
from cnmf.quality import half_sample_mode, peak_snr
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import lsq_linear, nnls

DATA, TRUTH = support.movie()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**16), st.floats(0.05, 0.99), st.integers(2, 40))
def test_pools_are_the_least_squares_solution(seed, g, frames):
    y = np.random.default_rng(seed).normal(size=frames)
    # c = K s with s >= 0 is the same problem as non-negative least squares.
    kernel = np.tril(g ** np.subtract.outer(np.arange(frames), np.arange(frames)).clip(0))
    expected = kernel @ nnls(kernel, y)[0]
    np.testing.assert_allclose(nonnegative_decay(y, g), expected, atol=1e-8)


def test_deconvolution_leaves_the_noise_and_finds_the_spikes():
    rng = np.random.default_rng(1)
    traces, spikes = support.calcium(rng, 1, 2000)
    y = 7.0 + traces[0] + 0.15 * rng.normal(size=2000)
    noise = 0.15
    found = deconvolve(y, noise, 0.5)
    left = y - found.calcium - found.baseline
    assert left @ left == pytest.approx(2000 * noise**2, rel=1e-3)
    assert found.baseline == pytest.approx(7.0, abs=0.1)
    assert found.decay == pytest.approx(np.exp(-1 / (support.RATE * support.DECAY)), abs=0.02)
    assert np.corrcoef(found.calcium, traces[0])[0, 1] > 0.97
    loud = np.flatnonzero(found.spikes > 0.4)
    true = np.flatnonzero(spikes[0])
    assert np.mean([np.abs(loud - at).min() <= 1 for at in true]) > 0.95
    np.testing.assert_allclose(
        found.calcium[1:], found.decay * found.calcium[:-1] + found.spikes[1:], atol=1e-6
    )


def test_noise_is_told_from_what_is_slow():
    y = 0.5 * np.random.default_rng(0).normal(size=(3, 4000)) + np.sin(np.arange(4000) / 30)
    np.testing.assert_allclose(noise_sd(y), 0.5, rtol=0.05)


def test_noise_alone_has_no_calcium():
    y = np.random.default_rng(0).normal(size=1000)
    found = deconvolve(y, 1.02 * y.std(), 0.9)
    assert not found.calcium.any()
    assert found.baseline == pytest.approx(y.mean())
    assert decay_of(y, 2.0, 0.77) == 0.77


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 6), st.floats(0.05, 1.5))
@example(27295, 1, 0.5)  # not even the whole of it would explain anything
def test_sparse_weights_are_optimal(seed, count, share):
    """The solution of the penalised problem at its own multiplier has the misfit asked for."""
    rng = np.random.default_rng(seed)
    basis = rng.uniform(size=(count, 30))
    weights = rng.uniform(0.5, 2.0, count)
    y = rng.uniform(0, 1, count) @ basis + 0.1 * rng.normal(size=30)
    best = nnls(basis.T, y)[1] ** 2
    allowed = best + share * (y @ y - best)
    x = sparse_weights(basis @ basis.T, basis @ y, float(y @ y), weights, allowed)
    left = y - x @ basis
    assert (x >= 0).all()
    if share >= 1:
        assert not x.any()
        return
    assert left @ left == pytest.approx(allowed, rel=1e-6)
    if not x.any():
        # It leaves what is allowed, and nothing weighs less. Then no weight may help, either.
        assert (basis @ left <= 0).all() or allowed == pytest.approx(y @ y)
        return
    # Karush-Kuhn-Tucker: one multiplier for all that is used, no larger one for what is not.
    slope = basis @ left / weights
    level = slope[x > 1e-9].mean()
    np.testing.assert_allclose(slope[x > 1e-9], level, rtol=1e-5)
    assert (slope[x <= 1e-9] <= level * (1 + 1e-5)).all()


def test_weights_are_least_squares_where_noise_cannot_be_reached():
    rng = np.random.default_rng(3)
    basis, y = rng.uniform(size=(4, 20)), rng.normal(size=20)
    x = sparse_weights(basis @ basis.T, basis @ y, float(y @ y), np.ones(4), 0.0)
    np.testing.assert_allclose(x, lsq_linear(basis.T, y, (0, np.inf), tol=1e-13).x, atol=1e-6)


def test_first_guesses_are_the_cells():
    movie = np.ascontiguousarray(DATA["movie"].transpose(1, 2, 0))
    before = movie.copy()
    footprints, courses = cells(movie, 5, 2.5, lambda share: None)
    np.testing.assert_array_equal(movie, before)
    places = [
        np.unravel_index(int(footprints[:, [k]].toarray().argmax()), movie.shape[:2])
        for k in range(5)
    ]
    for place, trace in zip(support.PLACES, TRUTH[1], strict=True):
        far = [np.hypot(*np.subtract(place, other)) for other in places]
        assert min(far) <= 1.5
        assert np.corrcoef(courses[int(np.argmin(far))], trace)[0, 1] > 0.9


def test_every_cell_is_found_and_nothing_else():
    fit = support.solve(DATA, background=1)
    kept = np.flatnonzero(fit.quality.accepted)
    footprints = fit.factors.A.toarray().T.reshape(-1, 24, 24)
    assert len(kept) == 5
    for image, trace, spikes in zip(*TRUTH, strict=True):
        alike = [np.corrcoef(image.ravel(), footprints[k].ravel())[0, 1] for k in kept]
        k = kept[int(np.argmax(alike))]
        assert max(alike) > 0.9
        assert np.corrcoef(fit.factors.C[k], trace)[0, 1] > 0.95
        assert np.median(fit.factors.S[k][spikes > 0]) > 3 * fit.left[k].std()
    assert fit.residual_ratio() == pytest.approx(1.0, abs=0.06)
    for values in (fit.factors.A.data, fit.factors.C, fit.factors.S, fit.factors.b, fit.factors.f):
        assert values.min() >= 0


def test_equal_inputs_give_equal_files(tmp_path):
    for name in ("a", "b"):
        assert support.run(tmp_path / name, DATA)[0] == 0
    one, other = (sorted((tmp_path / name / "outputs").iterdir()) for name in ("a", "b"))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in other]


def test_units_of_the_movie_scale_the_traces_only():
    one, other = support.solve(DATA), support.solve(DATA | {"movie": DATA["movie"] * 1000})
    np.testing.assert_array_equal(one.quality.accepted, other.quality.accepted)
    np.testing.assert_allclose(1000 * one.factors.C, other.factors.C, rtol=0.02, atol=300)


def test_noise_alone_has_hardly_any_cells():
    noise = 50 + np.random.default_rng(0).normal(size=(300, 24, 24))
    # Of seven components; one of few pixels may happen to look like its own average.
    assert support.solve({"movie": noise}).quality.accepted.sum() <= 1


def test_halves_of_one_cell_are_joined_and_neighbours_are_not():
    trace, other = support.calcium(np.random.default_rng(0), 2, 500)[0]
    parts = sparse.csc_array(np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1.0]]) / np.sqrt(2))
    images, courses, fewer = joined(parts, np.stack([trace, 2 * trace, other]), 0.8)
    assert (fewer, images.shape) == (1, (4, 2))
    np.testing.assert_allclose(
        images @ courses, parts @ np.stack([trace, 2 * trace, other]), atol=1e-8
    )  # two parts with one trace are of rank 1
    assert joined(parts, np.stack([trace, other, trace]), 0.8)[2] == 0


def test_the_mode_and_the_most_exceptional_event():
    rng = np.random.default_rng(0)
    noise = rng.normal(5.0, 1.0, 4000)
    assert half_sample_mode(np.append(noise, rng.uniform(5, 60, 1500))) == pytest.approx(5, abs=0.8)
    assert peak_snr(noise, 6) < 3.0
    event = noise.copy()
    event[100:106] += 8
    assert 6.0 < peak_snr(event, 6) < 10.0
    assert peak_snr(np.ones(50), 5) == 0.0


def _tiff(frames, **options):
    from PIL import Image

    pages = [Image.fromarray(frame) for frame in frames]
    buffer = io.BytesIO()
    pages[0].save(buffer, format="TIFF", save_all=True, append_images=pages[1:], **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("options", [{}, {"compression": "tiff_deflate"}])
def test_a_tiff_is_the_same_movie(tmp_path, kind, options):
    frames = DATA["movie"][:70].astype(kind)
    path = tmp_path / "cells.tif"
    path.write_bytes(_tiff(frames, **options))
    read = movies.read(path)
    assert read.frame_rate is None
    assert read.frames.dtype == kind
    np.testing.assert_array_equal(read.frames, frames)


def _with(array, index, value):
    copy = array.copy()
    copy[index] = value
    return copy


MOVIE = DATA["movie"]
BYTES = MOVIE.astype(np.uint8)
REFUSED = [
    (b"", {}, "the file is empty"),
    (None, {}, "there is no such dataset"),
    (b"PK\x03\x04 cut", {}, "not a readable .npz file"),
    ({"frames": MOVIE}, {}, "it has no array named movie (it has frames)"),
    ({"movie": MOVIE}, {}, "it does not say its frame rate; give the parameter frame_rate (Hz)"),
    ({**DATA, "movie": MOVIE[0]}, {}, "movie must be frames x height x width"),
    ({**DATA, "movie": MOVIE[:20]}, {}, "20 frames are too few"),
    ({**DATA, "movie": MOVIE[:, :4]}, {}, "frames of 4 x 24 pixels are too small"),
    ({**DATA, "movie": _with(MOVIE, (7, 2, 3), np.nan)}, {}, "row 2, column 3 of frame 7 is missing (NaN)"),
    ({**DATA, "movie": _with(MOVIE, (7, 2, 3), np.inf)}, {}, "is infinite"),
    ({**DATA, "movie": MOVIE * 1e13}, {}, "check the units"),
    ({**DATA, "movie": MOVIE * 1j}, {}, "must hold real numbers"),
    ({**DATA, "movie": np.ones((80, 9, 9))}, {}, "no pixel ever changes"),
    ({**DATA, "frame_rate": np.array(-1.0)}, {}, "frame_rate must be one number of Hz"),
    ({**DATA, "units": np.array(3)}, {}, "units must be one text"),
    (DATA, {"components": 0}, "components must be a whole number from 1 to 1000, not 0"),
    (DATA, {"decay_time": 600}, "decay_time must be a time in seconds from 0.01 to 10, not 600"),
    (DATA, {"cell_radius": float("nan")}, "cell_radius must be a length in pixels"),
    (DATA, {"max_shift": True}, "max_shift must be a whole number"),
    (DATA, {"cells": 3}, "parameter 'cells' does not exist; there are:"),
    (DATA, {"config": "[]"}, "config.yaml does not say schema: neurocaas/config/v1"),
    (
        DATA,
        {"config": '{"schema": "neurocaas/config/v1", "dataset": "dataset/cells.npz"}'},
        "components is missing",
    ),
    (DATA, {"name": "cells.avi"}, "the suffix must be .npz, .tif or .tiff"),
    (b"II*\0 cut", {"name": "cells.tif"}, "not a readable TIFF of grey frames"),
    (_tiff(BYTES[:70])[:9000], {"name": "cells.tif", "frame_rate": 10}, "cells.tif: "),
    (_tiff(BYTES[:70]), {"name": "cells.tif"}, "it does not say its frame rate"),
    (
        _tiff(np.repeat(BYTES[:70, :, :, None], 3, axis=3)),
        {"name": "cells.tif", "frame_rate": 10},
        "page 1 is of shape (24, 24, 3), not one grey frame",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("content", "options", "sentence"), REFUSED)
def test_refusals(tmp_path, capsys, content, options, sentence):
    code, outputs = support.run(tmp_path, content, **options)
    printed = capsys.readouterr()
    assert code == 65, printed
    assert printed.err.startswith("error: ")
    assert sentence in printed.err
    assert printed.err.count("\n") == 1
    assert list(outputs.iterdir()) == []


def test_too_much_for_memory(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(movies, "_MEMORY", 100 * 24 * 24 * 16)
    code, _ = support.run(tmp_path, DATA)
    assert code == 65
    assert "do not fit into memory; give at most 100 at once" in capsys.readouterr().err
    tiff = _tiff(BYTES[:150])
    assert support.run(tmp_path, tiff, name="cells.tif", frame_rate=10)[0] == 65
    assert "frames of 24 x 24 do not fit into memory" in capsys.readouterr().err


def test_motion_is_registered_as_in_widefield_preprocess():
    """An image holds all its sources: a fix in one of the two belongs into the other."""
    home = support.SAMPLE.parents[1]
    copies = ("caiman/src/cnmf/motion.py", "widefield-preprocess/src/widefield/motion.py")
    own, original = ((home / path).read_text().splitlines() for path in copies)
    apart = [pair for pair in zip(own, original, strict=True) if pair[0] != pair[1]]
    assert apart == [("from cnmf.noise import Array", "from widefield.recording import Array")]
