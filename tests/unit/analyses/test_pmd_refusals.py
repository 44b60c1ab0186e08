"""Whatever is wrong with a movie, PMD says it in one sentence and exits with 65."""

import io
import json
import zipfile

import numpy as np
import pytest
from pmd.app import main

GOOD = np.random.default_rng(0).normal(100, 5, size=(40, 6, 5))


@pytest.fixture
def case(tmp_path):
    """Lay out /inputs for PMD and run it; answers (exit code, outputs folder)."""

    def run(name, content, *, config=None, **parameters):
        inputs, outputs = tmp_path / "inputs", tmp_path / "outputs"
        (inputs / "dataset").mkdir(parents=True)
        outputs.mkdir()
        path = inputs / "dataset" / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            np.savez(path, **content)
        document = {
            "schema": "neurocaas/config/v1",
            "dataset": f"dataset/{name}",
            "parameters": parameters,
            "replica": None,
        }
        text = json.dumps(document) if config is None else config
        (inputs / "config.yaml").write_text(text, encoding="utf-8")
        return main(inputs, outputs), outputs

    return run


def _npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _with(index, value):
    copy = GOOD.copy()
    copy[index] = value
    return copy


def _single_array():
    buffer = io.BytesIO()
    np.save(buffer, GOOD)
    return buffer.getvalue()


def _not_an_array():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("movie.npy", b"no numpy header at all")
    return buffer.getvalue()


def _damaged():
    data = bytearray(_npz(movie=GOOD))
    data[400:440] = bytes(40)
    return bytes(data)


_CLAIM = np.lib.stride_tricks.as_strided(np.zeros(1, np.float64), (10**5, 300, 300), (0, 0, 0))

FILES = [
    ("m.npz", b"", "the file is empty"),
    ("m.npz", None, "there is no such dataset"),
    ("m.tif", b"II*\0", "the suffix must be .npz"),
    ("m.npz", b"PK\x03\x04 truncated", "not a readable .npz file"),
    ("m.npz", _damaged(), "not a readable .npz file"),
    ("m.npz", _single_array(), "it is a single array"),
    ("m.npz", _not_an_array(), "not a readable .npz file"),
    ("m.npz", _npz(movie=np.array([[[{"a": 1}]]], dtype=object)), "not a readable .npz file"),
    ("m.npz", {"y": GOOD}, "it has no array named movie (it has y)"),
    ("m.npz", {"movie": GOOD[0]}, "movie must be frames x height x width, not of shape (6, 5)"),
    ("m.npz", {"movie": GOOD[..., None]}, "not of shape (40, 6, 5, 1)"),
    ("m.npz", {"movie": GOOD[:31]}, "31 frames are too few"),
    ("m.npz", {"movie": GOOD[:0]}, "0 frames are too few"),
    ("m.npz", {"movie": GOOD[:, :3]}, "frames of 3 x 5 pixels are too small"),
    ("m.npz", {"movie": GOOD[:, :, :0]}, "frames of 6 x 0 pixels are too small"),
    ("m.npz", {"movie": GOOD + 1j}, "must hold real numbers of at most 64 bits, not complex128"),
    ("m.npz", {"movie": GOOD > 100}, "must hold real numbers of at most 64 bits, not bool"),
    ("m.npz", {"movie": GOOD.astype(str)}, "must hold real numbers of at most 64 bits, not <U"),
    ("m.npz", {"movie": GOOD.astype(np.longdouble)}, "must hold real numbers of at most 64 bits"),
    ("m.npz", {"movie": _with((7, 2, 3), np.nan)}, "row 2, column 3 of frame 7 is missing (NaN)"),
    ("m.npz", {"movie": _with((7, 2, 3), np.inf)}, "row 2, column 3 of frame 7 is infinite"),
    ("m.npz", {"movie": 1e200 * GOOD}, "values beyond 1e+30 are not measurements"),
    ("m.npz", {"movie": np.ones((40, 6, 5))}, "no pixel ever changes"),
    ("m.npz", {"movie": GOOD, "frame_rate": np.array(0.0)}, "frame_rate must be one positive"),
    ("m.npz", {"movie": GOOD, "frame_rate": np.array([1.0, 2])}, "frame_rate must be one positive"),
    ("m.npz", {"movie": GOOD, "frame_rate": np.array("30")}, "frame_rate must hold real numbers"),
    ("m.npz", {"movie": GOOD, "units": np.array(3)}, "units must be one text"),
]


@pytest.mark.parametrize(("name", "content", "message"), FILES)
def test_file_is_refused(case, capsys, name, content, message):
    code, outputs = case(name, content)
    text = capsys.readouterr().err
    assert code == 65
    assert message in text
    assert text.startswith(f"error: {name}: ")
    assert text.count("\n") == 1
    assert list(outputs.iterdir()) == []


def test_a_movie_that_does_not_fit_into_memory_is_refused():
    from pmd.movie import _check
    from pmd.refusal import Refusal

    with pytest.raises(Refusal, match="do not fit into memory; give at most 2314 at once"):
        _check("m.npz", _CLAIM)


CONFIGS = [
    ("{", "config.yaml cannot be read as JSON"),
    ("[]", "config.yaml does not say schema"),
    ('{"schema": "neurocaas/config/v1"}', "config.yaml names no dataset"),
    (
        '{"schema": "neurocaas/config/v1", "dataset": "dataset/m.npz", "parameters": []}',
        "parameters must be a mapping",
    ),
]


@pytest.mark.parametrize(("config", "message"), CONFIGS)
def test_config_is_refused(case, capsys, config, message):
    assert case("m.npz", {"movie": GOOD}, config=config)[0] == 65
    assert message in capsys.readouterr().err


PARAMETERS = [
    ({"block_size": 3}, "block_size must be a whole number from 4 to 64, not 3"),
    ({"block_size": 16.0}, "block_size must be a whole number"),
    ({"overlap": 1}, "overlap must be true or false"),
    ({"smoothing": "all"}, "smoothing must be one of both, space, time, none"),
    ({"false_positive_rate": 5}, "false_positive_rate must be a fraction (not percent)"),
    ({"frame_rate": 0}, "frame_rate must be null or frames per second (Hz)"),
    ({"rank": 3}, "parameter 'rank' does not exist; there are: block_size"),
]


@pytest.mark.parametrize(("parameters", "message"), PARAMETERS)
def test_parameter_is_refused(case, capsys, parameters, message):
    assert case("m.npz", {"movie": GOOD}, **parameters)[0] == 65
    assert message in capsys.readouterr().err


def test_a_movie_of_noise_alone_is_an_answer(case):
    code, outputs = case("m.npz", {"movie": GOOD}, false_positive_rate=0.001)
    assert code == 0
    metrics = json.loads((outputs / "metrics.json").read_text())
    assert metrics["components"] == 0
    assert metrics["compression_ratio"] is None
    assert metrics["frame_rate_hz"] is None
    assert (outputs / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_results_can_be_read_back(case):
    from scipy import sparse

    time = np.arange(64)
    glow = np.outer(*2 * [np.hanning(14)[1:-1]])
    movie = 50 + 9 * np.sin(time / 6)[:, None, None] * glow
    movie = movie + np.random.default_rng(1).normal(size=movie.shape)
    given = {"movie": movie, "frame_rate": np.array(5.0), "units": np.array("counts")}
    code, outputs = case("m.npz", given, block_size=8, frame_rate=99)
    assert code == 0
    found = np.load(outputs / "pmd.npz")
    u = sparse.csc_array(
        (found["U_data"], found["U_indices"], found["U_indptr"]), shape=found["U_shape"]
    )
    denoised = found["mean"] + (u @ found["V"]).T.reshape(movie.shape)
    clean = 50 + 9 * np.sin(time / 6)[:, None, None] * glow
    assert np.mean((denoised - clean) ** 2) < 0.1
    # The file says its own rate.
    assert found["frame_rate"] == 5.0
    assert str(found["units"]) == "counts"
    assert len(found["component_block"]) == len(found["V"]) == found["block_ranks"].sum()
    metrics = json.loads((outputs / "metrics.json").read_text())
    assert metrics["components"] == len(found["V"])
