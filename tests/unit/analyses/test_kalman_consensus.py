"""The consensus of real replicas, its law of total variance, and what it refuses."""

import json
import shutil
import struct
import zipfile

import numpy as np
import pytest
from analyses_support import ROOT
from kalman_consensus.app import main
from kalman_consensus.combine import combine, summarise
from kalman_consensus.members import Members
from kalman_smoother.app import main as smoother

SAMPLE = ROOT / "iae" / "kalman-consensus" / "sample"


@pytest.fixture
def inputs(tmp_path):
    shutil.copytree(SAMPLE, tmp_path / "inputs")
    (tmp_path / "outputs").mkdir()
    return tmp_path / "inputs"


def _change(inputs, replica, **arrays):
    path = inputs / "replicas" / str(replica) / "smoothed.npz"
    with np.load(path) as archive:
        kept = {key: archive[key] for key in archive.files}
    kept |= arrays
    np.savez(path, **{key: value for key, value in kept.items() if value is not None})


def _alien(inputs, replica, name):
    with zipfile.ZipFile(inputs / "replicas" / str(replica) / "smoothed.npz", "a") as archive:
        archive.writestr(name, b"no numpy header at all")


def _single(inputs, replica):
    with (inputs / "replicas" / str(replica) / "smoothed.npz").open("wb") as stream:
        np.save(stream, np.ones(3))


def _config(inputs, **parameters):
    document = {"schema": "neurocaas/config/v1", "dataset": None, "parameters": parameters}
    (inputs / "config.yaml").write_text(json.dumps(document))


def test_moments_are_those_of_the_mixture():
    rng = np.random.default_rng(0)
    mean, sd = rng.normal(size=(3, 4, 2)), rng.uniform(0.1, 1, size=(3, 4, 2))
    one = np.ones(3)
    found = combine(Members(mean, sd, mean[0], ("a", "b"), "", None, one, one, one))
    draws = mean[..., None] + sd[..., None] * rng.normal(size=(3, 4, 2, 200_000))
    mixture = np.moveaxis(draws, 0, -1).reshape(4, 2, -1)
    np.testing.assert_allclose(found.mean, mixture.mean(axis=-1), atol=0.01)
    np.testing.assert_allclose(found.sd, mixture.std(axis=-1), rtol=0.01)
    np.testing.assert_allclose(found.sd**2, found.within**2 + found.between**2)
    assert (found.sd >= found.within).all()


def test_summary_is_per_value():
    found = summarise(np.array([-10.0, -30.0]), np.array([10.0, 15.0]))
    assert found.mean == pytest.approx(-1.5)
    assert found.sd == pytest.approx(np.std([-1, -2], ddof=1))


def test_replicas_of_the_smoother(tmp_path):
    """The whole ensemble: every sample is held out once, the consensus agrees with all replicas."""
    rng = np.random.default_rng(2)
    y = np.sin(0.2 * np.arange(150)[:, None] + [0, 1, 2]) + 0.4 * rng.normal(size=(150, 3))
    parameters = {"latent_dimension": 2, "em_iterations": 10, "replicas": 3}
    inputs, outputs = tmp_path / "consensus", tmp_path / "outputs"
    outputs.mkdir()
    for replica in range(3):
        own = tmp_path / f"fit{replica}"
        (own / "dataset").mkdir(parents=True)
        np.savez(own / "dataset" / "r.npz", y=y)
        document = {
            "schema": "neurocaas/config/v1", "dataset": "dataset/r.npz",
            "parameters": parameters, "replica": replica,
        }  # fmt: skip
        (own / "config.yaml").write_text(json.dumps(document))
        folder = inputs / "replicas" / str(replica)
        folder.mkdir(parents=True)
        assert smoother(own, folder) == 0
    _config(inputs, **parameters)
    assert main(inputs, outputs) == 0
    found = np.load(outputs / "consensus.npz")
    np.testing.assert_allclose(found["signal_mean"], found["replica_mean"].mean(axis=0))
    metrics = json.loads((outputs / "metrics.json").read_text())
    assert metrics["held_out_values"] == y.size
    assert metrics["gain_nats_per_value"]["mean"] > 0.2
    assert 0 < metrics["between_replica_share_of_variance"] < 1
    assert {p.name for p in outputs.iterdir()} == {"consensus.npz", "metrics.json", "figure.png"}


def test_figure_and_progress(inputs, capsys):
    assert main(inputs, inputs.parent / "outputs") == 0
    data = (inputs.parent / "outputs" / "figure.png").read_bytes()
    assert struct.unpack(">II", data[16:24]) == (1600, 1000)
    assert capsys.readouterr().out.splitlines()[-1] == "::progress 1.00 done"


REFUSED = [
    (lambda i: (i / "config.yaml").unlink(), "config.yaml cannot be read"),
    (lambda i: (i / "config.yaml").write_text("{}"), "does not say schema"),
    (_config, "replicas must be a whole number of at least 2, not None"),
    (
        lambda i: _config(i, replicas=4),
        "parameter replicas is 4, but the outputs of replicas 0, 1, 2",
    ),
    (lambda i: shutil.rmtree(i / "replicas"), "but the outputs of replicas none are there"),
    (lambda i: (i / "replicas/1/smoothed.npz").unlink(), "replica 1: smoothed.npz cannot be read"),
    (
        lambda i: (i / "replicas/1/smoothed.npz").write_bytes(b"PK"),
        "replica 1: smoothed.npz cannot",
    ),
    (lambda i: _alien(i, 1, "alien.npy"), "replica 1: alien in smoothed.npz is no numpy array"),
    (lambda i: _single(i, 1), "replica 1: smoothed.npz is a single array"),
    (lambda i: _change(i, 2, signal_sd=None), "replica 2: smoothed.npz lacks signal_sd"),
    (
        lambda i: _change(i, 2, signal_sd=np.ones(3)),
        "replica 2: signal_sd is float64 of shape (3,)",
    ),
    (lambda i: _change(i, 0, observations=np.ones(3)), "replica 0: observations have shape (3,)"),
    (
        lambda i: _change(i, 1, signal_mean=np.full((300, 3), np.nan)),
        "signal_mean holds values that",
    ),
    (
        lambda i: _change(i, 1, observations=np.zeros((300, 3))),
        "replica 1 smoothed another recording",
    ),
    (lambda i: _change(i, 1, held_out=np.ones(300, dtype=bool)), "folds must not overlap"),
    (lambda i: _change(i, 0, held_out_score=np.zeros(3)), "replica 0 held nothing out"),
]


@pytest.mark.parametrize(("damage", "sentence"), REFUSED)
def test_refusals(inputs, capsys, damage, sentence):
    damage(inputs)
    assert main(inputs, inputs.parent / "outputs") == 65
    message = capsys.readouterr().err
    assert sentence in message
    assert message.count("\n") == 1
    assert list((inputs.parent / "outputs").iterdir()) == []
