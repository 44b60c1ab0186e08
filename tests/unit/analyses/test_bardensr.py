"""BarDensr: what its regression promises, what must change nothing, and what it refuses."""

import csv
import io
import json

import bardensr_support as support
import numpy as np
import pytest
from bardensr.densities import mixed, objective, regress
from bardensr.noise import noise_sd
from bardensr.optics import Blur
from bardensr.response import Response, misfit, refit
from bardensr.spots import Spots, cut
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

DATA, (PLACES, GENES, STRENGTHS) = support.stack()


@pytest.mark.parametrize("sigma", [0.6, 1.3, 2.5])
def test_the_blur_is_its_own_transpose_and_has_a_peak_of_one(sigma):
    rng = np.random.default_rng(1)
    blur = Blur(sigma)
    one, other = rng.normal(size=(2, 3, 17, 13))
    assert np.vdot(blur(one), other) == pytest.approx(np.vdot(one, blur(other)))
    point = np.zeros((41, 41))
    point[20, 20] = 1.0
    spot = blur(point)
    assert spot.max() == pytest.approx(1.0)
    assert spot[20, 21] == pytest.approx(np.exp(-1 / (2 * sigma**2)))
    assert np.linalg.norm(spot) == pytest.approx(blur.norm, rel=1e-6)
    assert np.linalg.norm(blur(one)) <= blur.gain * np.linalg.norm(one)


def _brute_force(images, matrix, weights, blur, shape):
    """The same minimum by non-negative least squares on the dense matrix of the whole model.

    With a penalty it is least squares too: |y - A f|^2 / 2 + w'f has the minimum of |y' - A f|^2 / 2
    for any y' with A' y' = A' y - w.
    """
    barcodes = matrix.shape[1]
    columns = []
    for number in range(barcodes * shape[0] * shape[1]):
        density = np.zeros(barcodes * shape[0] * shape[1])
        density[number] = 1.0
        columns.append(mixed(matrix, blur(density.reshape(barcodes, *shape))).ravel())
    design = np.stack(columns, axis=1)
    normal = design.T @ design + 1e-12 * np.eye(design.shape[1])
    right = design.T @ images.ravel() - np.repeat(weights, shape[0] * shape[1])
    root = np.linalg.cholesky(normal)
    return nnls(root.T, np.linalg.solve(root, right), maxiter=10_000)[0].reshape(barcodes, *shape)


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_regression_reaches_the_minimum_of_scipy(weight):
    rng = np.random.default_rng(4)
    blur, shape = Blur(0.7), (5, 6)
    matrix = rng.uniform(size=(6, 2))
    images = rng.normal(size=(6, *shape)) + 0.5
    weights = np.full(2, weight)
    found = regress(images, matrix, weights, blur, np.zeros((2, *shape)), 3000)
    best = _brute_force(images, matrix, weights, blur, shape)
    least = objective(images, matrix, best, weights, blur)
    assert found.min() >= 0
    assert objective(images, matrix, found, weights, blur) <= least + 1e-6 * abs(least)
    np.testing.assert_allclose(found, best, atol=1e-3)


def test_a_high_penalty_leaves_nothing():
    images = np.abs(np.random.default_rng(0).normal(size=(4, 9, 9)))
    matrix = np.eye(4)[:, :3]
    found = regress(images, matrix, np.full(3, 1e4), Blur(1.0), np.zeros((3, 9, 9)), 20)
    assert not found.any()


def _seen(look):
    gain = np.array([[0.6, 1.2, 1.0], [1.1, 0.8, 1.3], [1.0, 0.9, 0.7], [1.2, 1.0, 1.2]])
    gain = gain / gain.mean()
    bleed = np.array([[1, 0.2, 0], [0, 1, 0.1], [0.15, 0, 1]])
    return Response(gain, bleed, np.array([0.1, 0.0, 0.2]))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16), st.booleans(), st.booleans())
def test_refitting_the_look_of_barcodes_never_makes_it_worse(seed, bleed, phasing):
    rng = np.random.default_rng(seed)
    codes = support.codebook(rng).transpose(1, 2, 0)
    blurred = rng.uniform(size=(9, 30))
    cross = rng.normal(size=(12, 30)) @ blurred.T
    gram = blurred @ blurred.T
    start = Response(rng.uniform(0.5, 2, (4, 3)), np.eye(3), np.zeros(3))
    new = refit(start, codes, gram, cross, bleed=bleed, phasing=phasing)
    before, after = (misfit(one.matrix(codes), gram, cross) for one in (start, new))
    assert after <= before + 1e-9 * abs(before)
    assert (np.diagonal(new.bleed) == 1).all()
    assert new.bleed.min() >= 0
    assert new.gain.min() > 0
    assert bleed or (new.bleed == np.eye(3)).all()
    assert phasing or not new.phasing.any()


def test_gain_bleed_and_phasing_are_found_when_densities_are_known():
    rng = np.random.default_rng(2)
    codes = support.codebook(rng).transpose(1, 2, 0)
    truth = _seen(codes)
    blurred = rng.uniform(size=(9, 60))
    cross = truth.matrix(codes) @ blurred @ blurred.T
    now = Response(np.ones((4, 3)), np.eye(3), np.zeros(3))
    for _ in range(60):
        now = refit(now, codes, blurred @ blurred.T, cross, bleed=True, phasing=True)
    np.testing.assert_allclose(now.matrix(codes), truth.matrix(codes), atol=2e-3)
    np.testing.assert_allclose(now.bleed, truth.bleed, atol=5e-3)
    np.testing.assert_allclose(now.phasing, truth.phasing, atol=5e-3)


def test_noise_is_told_from_spots():
    rng = np.random.default_rng(0)
    assert noise_sd(rng.normal(scale=3.0, size=(4, 50, 50))) == pytest.approx(3.0, rel=0.05)
    assert noise_sd(DATA["images"]) == pytest.approx(0.05, rel=0.25)


def test_the_cut_follows_unused_barcodes():
    scores = np.array([50.0, 40, 30, 20, 12, 6])
    spots = Spots(np.zeros((6, 2)), np.array([0, 1, 0, 3, 1, 3]), scores, scores)
    unused = np.array([False, False, False, True])
    assert cut(spots, np.zeros(4, dtype=bool), 10, 0.0) == (10, None)
    assert cut(spots, unused, 10, 0.0) == (30, 0.0)
    # One spot of one unused barcode stands for three false ones.
    assert cut(spots, unused, 10, 0.75) == (10, pytest.approx(3 / 4))
    assert cut(spots, unused, 0, 0.75).score == 12
    loudest = Spots(np.zeros((1, 2)), np.array([3]), scores[:1], scores[:1])
    assert cut(loudest, unused, 10, 0.1).score > 50


def _found(tmp_path, data, **parameters):
    folder = support.solve(tmp_path, data, **parameters)
    with (folder / "spots.csv").open() as file:
        rows = list(csv.DictReader(file))
    places = np.array([(float(r["y_px"]), float(r["x_px"])) for r in rows]).reshape(-1, 2)
    genes = np.array([int(r["gene"].removeprefix("barcode")) for r in rows])
    return places, genes, np.array([float(r["intensity"]) for r in rows])


@pytest.mark.parametrize("seed", range(2))
def test_every_spot_is_found_once(tmp_path, seed):
    data, (places, genes, strengths) = support.stack(seed)
    at, barcodes, intensities = _found(tmp_path, data)
    assert len(at) == len(places)
    for place, gene, strength in zip(places, genes, strengths, strict=True):
        far = np.where(barcodes == gene, np.linalg.norm(at - place, axis=1), np.inf)
        assert far.min() < 0.3
        assert intensities[far.argmin()] == pytest.approx(strength, rel=0.25)


def test_two_genes_in_one_place_are_told_apart(tmp_path):
    """What a decoder of single pixels cannot do: the colours of both are there at once."""
    data, (places, genes, _) = support.stack(1, spots=12, noise=0.02)
    first = places[0]
    other = next(gene for gene in range(7) if gene != genes[0] and gene not in genes[1:])
    axis = np.arange(24)
    down, across = (np.exp(-((axis - middle) ** 2) / (2 * support.SIGMA**2)) for middle in first)
    light = data["codebook"][other][:, :, None, None] * np.outer(down, across)
    at, barcodes, _ = _found(tmp_path, data | {"images": data["images"] + light})
    here = np.linalg.norm(at - first, axis=1) < 0.5
    assert {genes[0], other} <= set(barcodes[here])


def test_bleed_and_phasing_are_learned(tmp_path):
    truth = _seen(None)
    data, _ = support.stack(
        5, spots=30, side=32, seen=lambda look: truth.matrix(look).reshape(look.shape)
    )
    folder = support.solve(tmp_path, data, turns=20)
    metrics = json.loads((folder / "metrics.json").read_text())
    # Densities explain part of it, so that it is approached from below, and slowly.
    for name, nothing in (("bleed", np.eye(3)), ("phasing", np.zeros(3))):
        true, learned = getattr(truth, name), np.array(metrics[name])
        assert np.abs(learned - true).sum() < 0.65 * np.abs(nothing - true).sum()
        assert (learned <= true + 0.05).all()
    np.testing.assert_allclose(metrics["gain"], truth.gain, rtol=0.15)


def test_units_of_the_images_change_nothing_but_intensities(tmp_path):
    unit = 1e-6
    one = _found(tmp_path / "a", DATA)
    other = _found(tmp_path / "b", DATA | {"images": unit * DATA["images"]})
    np.testing.assert_allclose(one[0], other[0], atol=2e-3)
    np.testing.assert_array_equal(one[1], other[1])
    np.testing.assert_allclose(unit * one[2], other[2], rtol=1e-3)


def test_noise_alone_has_no_spots(tmp_path):
    images = np.random.default_rng(0).normal(size=DATA["images"].shape)
    at, _, _ = _found(tmp_path, {"images": images, "codebook": DATA["codebook"]})
    assert len(at) == 0


def test_pixel_size_gives_micrometres(tmp_path):
    folder = support.solve(tmp_path, DATA | {"pixel_size_um": np.array(0.5)}, turns=3)
    first = next(csv.DictReader((folder / "spots.csv").open()))
    assert float(first["y_um"]) == pytest.approx(0.5 * float(first["y_px"]), abs=1e-3)


def _bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _with(array, index, value):
    copy = array.copy()
    copy[index] = value
    return copy


IMAGES, CODES = DATA["images"], DATA["codebook"]
REFUSED = [
    (b"", {}, "the file is empty"),
    (None, {}, "there is no such dataset"),
    (b"PK\x03\x04 cut", {}, "not a readable .npz file"),
    (_bytes(IMAGES), {}, "it is a single array"),
    ({"images": IMAGES}, {}, "it has no array named codebook (it has images)"),
    ({**DATA, "images": IMAGES[0]}, {}, "images must be rounds x channels x height x width"),
    ({**DATA, "codebook": CODES[:, :3]}, {}, "not (4, 3, 24, 24) and (9, 3, 3)"),
    ({**DATA, "images": IMAGES[..., :4]}, {}, "frames of 24 x 4 pixels are too small"),
    (
        {**DATA, "images": _with(IMAGES, (1, 2, 3, 4), np.nan)},
        {},
        "the value of images at (1, 2, 3, 4) is missing (NaN)",
    ),
    ({**DATA, "images": _with(IMAGES, (0, 0, 0, 0), np.inf)}, {}, "is infinite"),
    ({**DATA, "images": IMAGES * 1j}, {}, "images must hold real numbers, not complex128"),
    ({**DATA, "images": IMAGES * 1e20}, {}, "values beyond 1e+12; check the units"),
    ({**DATA, "images": _with(IMAGES, (2, 1), 7.0)}, {}, "every pixel of round 2, channel 1"),
    ({**DATA, "codebook": CODES[:0], "unused": None}, {}, "the codebook holds no barcode"),
    ({**DATA, "codebook": -CODES.astype(int)}, {}, "the codebook holds negative values"),
    ({**DATA, "codebook": _with(CODES, 4, 0)}, {}, "barcode 4 of the codebook is dark"),
    ({**DATA, "codebook": _with(CODES, 5, CODES[1])}, {}, "barcodes 1 and 5 are the same"),
    ({**DATA, "genes": np.array(["a"])}, {}, "genes must be 9 names"),
    ({**DATA, "genes": np.array(["a"] * 9)}, {}, "two genes have the same name"),
    ({**DATA, "genes": np.array([*"abcdefgh", "i,j"])}, {}, "commas, quotes"),
    ({**DATA, "unused": np.ones(9)}, {}, "unused must be 9 times true or false"),
    ({**DATA, "unused": np.ones(9, dtype=bool)}, {}, "all barcodes are called unused"),
    ({**DATA, "pixel_size_um": np.array(-1.0)}, {}, "pixel_size_um must be one number"),
    ({**DATA, "units": np.array(3)}, {}, "units must be one text"),
    (DATA, {"psf_sigma": 0.1}, "psf_sigma must be a length in pixels from 0.5 to 10, not 0.1"),
    (DATA, {"false_discovery_rate": 5}, "a fraction (not percent) from 0 to 1, not 5"),
    (DATA, {"sparsity": float("nan")}, "sparsity must be a number of standard deviations"),
    (DATA, {"turns": True}, "turns must be a whole number"),
    (DATA, {"estimate_gain": 1}, "estimate_gain must be true or false"),
    (DATA, {"estimate_gain": False}, "need estimate_gain; set them to false too"),
    (DATA, {"genes": 3}, "parameter 'genes' does not exist; there are:"),
    (DATA, {"config": "[]"}, "config.yaml does not say schema: neurocaas/config/v1"),
    (DATA, {"name": "tissue.tif"}, "the suffix must be .npz"),
]


def test_too_much_for_memory(tmp_path, capsys):
    data = {"images": np.zeros((1, 2, 3000, 3000), dtype=np.uint8), "codebook": np.ones((5, 1, 2))}
    code, _ = support.run(tmp_path, data)
    assert code == 65
    assert "do not fit into memory; cut it into tiles of at most" in capsys.readouterr().err


@pytest.mark.parametrize(("content", "options", "sentence"), REFUSED)
def test_refusals(tmp_path, capsys, content, options, sentence):
    if isinstance(content, dict):
        content = {key: value for key, value in content.items() if value is not None}
    code, outputs = support.run(tmp_path, content, **options)
    printed = capsys.readouterr()
    assert code == 65, printed
    assert printed.err.startswith("error: ")
    assert sentence in printed.err
    assert printed.err.count("\n") == 1
    assert list(outputs.iterdir()) == []
