"""Whatever is wrong with an input, the smoother says it in one sentence and exits with 65."""

import io
import zipfile

import numpy as np
import pytest

GOOD = np.random.default_rng(0).normal(size=(20, 2))
EYE = np.eye(2)
SYSTEM = {"A": 0.5 * EYE, "C": EYE, "Q": EYE, "R": EYE, "m0": np.zeros(2), "V0": EYE}


def _npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _damaged():
    data = bytearray(_npz(y=GOOD))
    data[150:170] = bytes(20)
    return bytes(data)


def _with(array, index, value):
    copy = array.copy()
    copy[index] = value
    return copy


def _pickle_bomb():
    buffer = io.BytesIO()
    np.savez(buffer, y=np.array([[{"a": 1}]], dtype=object))
    return buffer.getvalue()


def _single_array():
    buffer = io.BytesIO()
    np.save(buffer, GOOD)
    return buffer.getvalue()


def _not_an_array():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("y.npy", b"no numpy header at all")
    return buffer.getvalue()


FILES = [
    ("d.npz", b"", "the file is empty"),
    ("d.csv", b"", "the file is empty"),
    ("d.npz", None, "there is no such dataset"),
    ("d.mat", b"x", "the suffix must be .npz or .csv"),
    ("d.npz", b"PK\x03\x04 truncated", "not a readable .npz file"),
    ("d.npz", _damaged(), "not a readable .npz file"),
    ("d.npz", _pickle_bomb(), "not a readable .npz file"),
    ("d.npz", _not_an_array(), "not a readable .npz file"),
    ("d.npz", _single_array(), "it is a single array"),
    ("d.npz", {"x": GOOD}, "it has no array named y (it has x)"),
    ("d.npz", {"y": GOOD[:, 0]}, "y must be samples x channels, not of shape (20,)"),
    ("d.npz", {"y": GOOD[None]}, "y must be samples x channels"),
    ("d.npz", {"y": GOOD[:0]}, "it holds no samples (shape 0 x 2)"),
    ("d.npz", {"y": GOOD[:, :0]}, "it holds no samples (shape 20 x 0)"),
    ("d.npz", {"y": GOOD + 1j}, "y must hold real numbers, not complex128"),
    ("d.npz", {"y": np.array([["a", "b"]])}, "y must hold real numbers"),
    ("d.npz", {"y": np.full((5, 2), np.nan)}, "every sample is missing (NaN)"),
    ("d.npz", {"y": _with(GOOD, (slice(None), 1), np.nan)}, "'channel 2' has no samples at all"),
    ("d.npz", {"y": _with(GOOD, (3, 1), np.inf)}, "sample 3 of channel 'channel 2' is infinite"),
    ("d.npz", {"y": 1e300 * GOOD}, "values beyond 1e+100 are not measurements"),
    ("d.npz", {"y": _with(GOOD, (slice(None), 0), 3.3)}, "'channel 1' never changes"),
    ("d.npz", {"y": GOOD[:1]}, "latent_dimension 4 is too many for 1 samples"),
    ("d.npz", {"y": GOOD, "channels": np.array(["a"])}, "channels must be 2 names"),
    ("d.npz", {"y": GOOD, "sampling_rate": np.array(-1.0)}, "must be a positive number of Hz"),
    ("d.npz", {"y": GOOD, "sampling_rate": np.array(np.nan)}, "must be a positive number of Hz"),
    ("d.npz", {"y": GOOD, "sampling_rate": np.array([1.0, 2])}, "sampling_rate must be one number"),
    ("d.npz", {"y": GOOD, "A": EYE}, "it has A but lacks C, Q, R, m0, V0"),
    ("d.npz", {"y": GOOD, **SYSTEM, "C": np.ones((3, 2))}, "C has shape (3, 2), expected (2, 2)"),
    ("d.npz", {"y": GOOD, **SYSTEM, "A": np.ones(2)}, "A has shape (2,), expected (2, 2)"),
    ("d.npz", {"y": GOOD, **SYSTEM, "Q": -EYE}, "Q is not a symmetric positive definite"),
    (
        "d.npz",
        {"y": GOOD, **SYSTEM, "R": np.array([[1.0, 1], [0, 1]])},
        "R is not a symmetric positive",
    ),
    ("d.npz", {"y": GOOD, **SYSTEM, "A": np.nan * EYE}, "A holds values that are not finite"),
    ("d.csv", "\n\n", "it holds no samples"),
    ("d.csv", "# only: comments\n", "it holds no samples"),
    ("d.csv", "a,b\n", "it has a header but no samples"),
    ("d.csv", "a,b\n1,2\n3\n", "line 3 has 1 cells, expected 2"),
    ("d.csv", "a,b\n1,2\n3,x\n", "line 3, channel 'b': 'x' is not a number"),
    ("d.csv", "a,a\n1,2\n", "line 1: names of channels must be unique"),
    ("d.csv", "a,\n1,2\n", "line 1: names of channels must be unique, not empty"),
    ("d.csv", "1,2\n3,4_0\n", "'4_0' is not a number"),
    ("d.csv", 'a\n"unclosed\n1\n', "line 3 is not comma-separated text"),
    ("d.csv", "1,inf\n3,4\n", "sample 0 of channel 'channel 2' is infinite"),
    ("d.csv", "# sampling_rate: fast\n1\n2\n", "sampling_rate 'fast' is not a number of Hz"),
    ("d.csv", "# sampling_rate: -2\n1\n2\n", "must be a positive number of Hz"),
    ("d.csv", b"a,b\n\xff\xfe,2\n", "line 2 is not UTF-8 text"),
    ("d.csv", "NaN,\nna,null\n", "every sample is missing (NaN)"),
]


@pytest.mark.parametrize(("name", "content", "sentence"), FILES)
def test_files(case, capsys, name, content, sentence):
    _refused(case(name, content), capsys, sentence)


PARAMETERS = [
    ({"latent_dimension": 0}, "latent_dimension must be a whole number from 1 to 32, not 0"),
    ({"latent_dimension": 2.0}, "latent_dimension must be a whole number"),
    ({"latent_dimension": True}, "latent_dimension must be a whole number"),
    ({"latent_dimension": 30}, "latent_dimension 30 is too many for 18 samples to fit"),
    ({"em_iterations": -1}, "em_iterations must be a whole number from 0 to 500"),
    ({"tolerance": "small"}, "tolerance must be nats per observed value"),
    ({"initialisation": "pca"}, "must be one of subspace, random, dataset, not 'pca'"),
    ({"initialisation": "dataset"}, "the dataset carries no A, C, Q, R, m0, V0"),
    ({"observation_noise": None}, "observation_noise must be one of diagonal, full"),
    ({"standardize": "yes"}, "standardize must be true or false"),
    ({"held_out_fraction": 10}, "must be a fraction (not percent) from 0 to 0.5, not 10"),
    ({"sampling_rate": 0}, "sampling_rate must be null or samples per second (Hz)"),
    ({"sampling_rate": float("nan")}, "sampling_rate must be null or samples per second (Hz)"),
    ({"seed": 2**31}, "seed must be a whole number"),
    ({"replicas": 1}, "replicas must be a whole number from 2 to 9"),
    ({"latents": 3}, "parameter 'latents' does not exist; there are:"),
]


@pytest.mark.parametrize(("parameters", "sentence"), PARAMETERS)
def test_parameters(case, capsys, parameters, sentence):
    _refused(case("d.npz", {"y": GOOD}, **parameters), capsys, sentence)


CONFIGS = [
    ("", "config.yaml cannot be read as JSON"),
    ("[]", "config.yaml does not say schema: neurocaas/config/v1"),
    ('{"schema": "neurocaas/config/v2"}', "config.yaml does not say schema"),
    ('{"schema": "neurocaas/config/v1", "dataset": null}', "config.yaml names no dataset"),
    ('{"schema": "neurocaas/config/v1", "dataset": "d.npz", "parameters": 3}', "must be a mapping"),
    (
        '{"schema": "neurocaas/config/v1", "dataset": "d.npz", "parameters": {}, "replica": 3}',
        "replica 3 does not exist: parameter replicas is 3 and replicas count from 0",
    ),
    (
        '{"schema": "neurocaas/config/v1", "dataset": "d.npz", "parameters": {}, "replica": -1}',
        "replica must be a whole number",
    ),
]


@pytest.mark.parametrize(("config", "sentence"), CONFIGS)
def test_configs(case, capsys, config, sentence):
    _refused(case("d.npz", {"y": GOOD}, config=config), capsys, sentence)


def test_too_much_for_memory(case, capsys):
    y = np.zeros((400_000, 1))
    y[::2] = 1
    _refused(case("d.npz", {"y": y}, latent_dimension=32), capsys, "do not fit into memory")


def _refused(result, capsys, sentence):
    code, outputs = result
    printed = capsys.readouterr()
    assert code == 65
    assert printed.err.startswith("error: ")
    assert sentence in printed.err
    assert printed.err.count("\n") == 1
    assert list(outputs.iterdir()) == []
