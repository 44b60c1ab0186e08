"""The consensus of trackers: the paper's two equations against plain numpy, saturated scoremaps, and what it refuses."""

import json
import runpy
import shutil
import zipfile

import deepgraphpose_support as support
import dlc_tracking_support  # noqa: F401 - makes dlc_tracking importable
import numpy as np
import pytest
from analyses_support import ROOT
from dgp_consensus import combine, members
from dgp_consensus.app import main
from dlc_tracking import tracks
from scipy.stats import spearmanr

from neurocaas_ci.model.registry import Dataset, Job
from neurocaas_ci.protocols import expand
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

SAMPLE = support.CONSENSUS
SCORING = runpy.run_path(str(SAMPLE / "score.py"))


@pytest.fixture
def inputs(tmp_path):
    for part in ("dataset", "replicas"):
        shutil.copytree(SAMPLE / part, tmp_path / "inputs" / part)
    shutil.copy(SAMPLE / "config.yaml", tmp_path / "inputs")
    (tmp_path / "outputs").mkdir()
    return tmp_path / "inputs"


def _run(inputs):
    return main(inputs, inputs.parent / "outputs"), inputs.parent / "outputs"


def _change(inputs, replica, **arrays):
    path = inputs / "replicas" / str(replica) / "scoremaps.npz"
    with np.load(path) as archive:
        kept = {key: archive[key] for key in archive.files} | arrays
    np.savez(path, **{key: value for key, value in kept.items() if value is not None})


def _config(inputs, **parameters):
    document = {
        "schema": "neurocaas/config/v1",
        "dataset": "dataset/dots.npz",
        "parameters": parameters,
    }
    (inputs / "config.yaml").write_text(json.dumps(document))


def test_equation_1_is_the_inverse_sigmoid_of_the_mean_of_sigmoids():
    maps = np.random.default_rng(0).normal(size=(4, 3, 2, 5, 6)) * 5
    found = list(combine.agree(maps))
    assert len(found) == 4
    for count, one in enumerate(found, 1):
        mean = (1 / (1 + np.exp(-maps[:count]))).mean(axis=0)
        np.testing.assert_allclose(one, np.log(mean / (1 - mean)), rtol=1e-9)
    np.testing.assert_allclose(found[0], maps[0], atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_saturated_scoremaps_stay_finite_and_keep_their_place(dtype):
    """Plain sigmoids of these are 0 and 1 in any precision, and the plain inverse infinite."""
    far = np.full((2, 1, 1, 8, 8), -60_000, dtype)
    far[:, 0, 0, 2, 5] = 60_000
    (_, found) = combine.agree(far)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(combine.soft_argmax(found, 3.0, 2.0), [[[10.5, 4.5]]])
    with np.errstate(all="ignore"):
        mean = (1 / (1 + np.exp(-far.astype(float)))).mean(axis=0)
        assert not np.isfinite(np.log(mean / (1 - mean))).all()


def test_two_that_are_sure_outvote_a_third_that_is_sure_of_another_place():
    maps = np.full((3, 1, 1, 8, 8), -500.0)
    maps[:2, 0, 0, 1, 1] = maps[2, 0, 0, 6, 6] = 500
    found = list(combine.agree(maps))[-1]
    assert np.isfinite(found).all()
    assert found[0, 0, 1, 1] == pytest.approx(np.log(2))
    assert found[0, 0, 6, 6] == pytest.approx(-np.log(2))
    place = combine.soft_argmax(found, 30.0, 1.0)
    np.testing.assert_allclose(place, [[[1, 1]]], atol=1e-6)


def test_soft_argmax_against_plain_numpy():
    maps = np.random.default_rng(1).normal(size=(3, 2, 5, 7))
    found = combine.soft_argmax(maps, 2.0, 4.0)
    for frame, part in np.ndindex(3, 2):
        weights = np.exp(2 * maps[frame, part])
        weights /= weights.sum()
        y, x = np.mgrid[0:5, 0:7] * 4.0 + 1.5
        np.testing.assert_allclose(found[frame, part], [(weights * x).sum(), (weights * y).sum()])


def test_equation_2_sums_over_parts_and_averages_over_frames():
    rng = np.random.default_rng(2)
    found, labels = rng.normal(size=(2, 9, 3, 2))
    plain = np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(found, labels, strict=True)) / 9)
    assert combine.rmse(found, labels) == pytest.approx(plain)
    labels[2:, 1] = np.nan
    parts = ((found - labels) ** 2).sum(axis=2)
    assert combine.rmse(found, labels) == pytest.approx(np.sqrt(np.nanmean(parts, axis=0).sum()))
    labels[:, 1] = np.nan
    assert np.isnan(combine.rmse(found, labels))
    assert np.isnan(combine.rmse(found[:0], labels[:0]))


def test_rank_correlation_is_spearmans():
    rng = np.random.default_rng(3)
    one = rng.integers(0, 5, 60)
    other = one + rng.normal(size=60)
    assert combine.correlation(one, other) == pytest.approx(spearmanr(one, other)[0])
    assert np.isnan(combine.correlation(np.ones(4), np.arange(4)))


def test_spread_of_replicas():
    places = np.zeros((2, 1, 1, 2))
    places[1] = (6.0, 8.0)
    assert combine.spread(places)[0, 0] == pytest.approx(5.0)


def test_the_sample_meets_its_bars_and_frames_in_chunks_give_the_same(inputs, monkeypatch):
    code, outputs = _run(inputs)
    assert code == 0
    scores, missed = SCORING["score"](outputs, SAMPLE / "truth.npz")
    assert missed == []
    assert scores["replicas"] == 3
    with np.load(outputs / "consensus.npz") as file:
        whole = {key: file[key] for key in file.files}
    assert all(np.isfinite(whole[key]).all() for key in ("positions", "replicas", "likelihood"))
    monkeypatch.setattr(members, "_CELLS", 10_000)
    assert len(list(members.read(inputs).chunks())) > 10
    _run(inputs)
    with np.load(outputs / "consensus.npz") as file:
        for key, value in whole.items():
            np.testing.assert_array_equal(file[key], value)


def test_a_score_misses_what_falls_short(inputs):
    _, outputs = _run(inputs)
    with np.load(outputs / "consensus.npz") as file:
        found = {key: file[key] for key in file.files}
    found["positions"] = found["replicas"][2]
    np.savez(outputs / "consensus.npz", **found)
    _, missed = SCORING["score"](outputs, SAMPLE / "truth.npz")
    assert {line.split()[0] for line in missed} >= {
        "rmse_over_median_replica", "rmse_over_best_replica", "roughness_over_median_replica",
    }  # fmt: skip


def test_metrics_are_those_of_the_labels_that_no_replica_saw(inputs):
    _, outputs = _run(inputs)
    metrics = json.loads((outputs / "metrics.json").read_text())
    truth = np.load(SAMPLE / "truth.npz")["positions"].astype(float)
    with np.load(outputs / "consensus.npz") as file:
        frames = file["label_frames"][file["held_out"]]
        plain = SCORING["rmse"]((file["positions"] - truth)[frames])
        first = SCORING["rmse"]((file["replicas"][0] - truth)[frames])
    assert metrics["rmse_px"]["consensus"] == pytest.approx(plain, rel=1e-5)
    assert metrics["rmse_px"]["consensus_of_first"][0] == pytest.approx(first, rel=1e-5)
    assert metrics["rmse_px"]["replicas"][0] == pytest.approx(first, rel=1e-5)
    assert metrics["rmse_px"]["consensus_of_first"][-1] == metrics["rmse_px"]["consensus"]


def test_without_labels_nothing_is_claimed(inputs):
    for replica in range(3):
        _change(inputs, replica, labels=np.zeros((0, 3, 2), np.float32),
                label_frames=np.zeros(0, np.int64), held_out=np.zeros(0, bool))  # fmt: skip
    code, outputs = _run(inputs)
    metrics = json.loads((outputs / "metrics.json").read_text())
    assert code == 0
    assert metrics["rmse_px"]["consensus"] is None
    assert metrics["spread_error_rank_correlation"] is None


def test_tracks_are_what_the_catalogue_reads_as_deeplabcuts(inputs):
    _, outputs = _run(inputs)
    read = tracks.read(outputs / "tracks.csv")
    with np.load(outputs / "consensus.npz") as file:
        assert read.parts == tuple(file["bodyparts"])
        np.testing.assert_allclose(read.xy, file["positions"], atol=1e-4)
        np.testing.assert_allclose(read.likelihood, file["likelihood"], atol=1e-4)


def _truncated(inputs):
    path = inputs / "replicas/1/scoremaps.npz"
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents["scoremaps.npy"] = contents["scoremaps.npy"][:-100]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, data)


MAPS = np.zeros((150, 3, 16, 16), np.float16)
WRONG = [
    (lambda i: _config(i, replicas=2), "parameter replicas is 2, but the outputs of replicas 0, 1, 2 are there"),
    (lambda i: _config(i, replicas=True), "replicas must be a whole number of at least 2"),
    (lambda i: (i / "config.yaml").write_text("{}"), "does not say schema"),
    (lambda i: (i / "replicas/1/scoremaps.npz").write_bytes(b"PK\x03\x04"), "replica 1: scoremaps.npz cannot be read"),
    (lambda i: (i / "replicas/2/scoremaps.npz").unlink(), "replica 2: scoremaps.npz cannot be read"),
    (lambda i: _change(i, 1, held_out=None), "replica 1: scoremaps.npz lacks held_out"),
    (lambda i: _change(i, 1, scoremaps=None), "lacks scoremaps"),
    (lambda i: _change(i, 1, scoremaps=MAPS[:, :, :8]), "replica 1: scoremaps are (150, 3, 8, 16), but replica 0's"),
    (lambda i: _change(i, 0, scoremaps=MAPS[0]), "replica 0: scoremaps must be floating point"),
    (lambda i: _change(i, 0, scoremaps=MAPS.astype(int)), "must be floating point (frames, parts, rows, columns), not int64"),
    (lambda i: _change(i, 1, scoremaps=np.where(np.arange(16) == 3, np.nan, MAPS)), "replica 1: scoremaps hold values that are not finite"),
    (lambda i: _change(i, 1, bodyparts=np.array(["a", "b", "c"])), "replica 1 tracked something else than replica 0: bodyparts"),
    (lambda i: _change(i, 2, sharpness=np.array(1.0)), "sharpness differs"),
    (lambda i: [_change(i, k, sharpness=np.array(0.0)) for k in range(3)], "sharpness must be above 0"),
    (lambda i: [_change(i, k, labels=np.zeros((2, 3, 2))) for k in range(3)], "replica 0: labels is float64 of shape (2, 3, 2)"),
    (lambda i: [_change(i, k, label_frames=np.arange(150, 180)) for k in range(3)], "none of 0 to 149"),
    (_truncated, "replica 1: scoremaps.npz breaks off"),
    (lambda i: (i / "dataset/dots.npz").write_bytes(b""), "dots.npz: frames cannot be read"),
    (lambda i: np.savez(i / "dataset/dots.npz", frames=np.zeros((150, 32, 30), np.uint8)), "but replicas tracked 150 of 32 x 32 pixels"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "sentence"), WRONG)
def test_replicas_that_do_not_belong_together_are_refused(inputs, spoil, sentence, capsys):
    spoil(inputs)
    code, outputs = _run(inputs)
    error = capsys.readouterr().err
    assert code == 65
    assert sentence in error
    assert error.count("\n") == 1
    assert not list(outputs.iterdir())


def test_generator_makes_the_committed_files(tmp_path):
    shutil.copy(SAMPLE / "generate.py", tmp_path)
    runpy.run_path(str(tmp_path / "generate.py"), run_name="__main__")
    made = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*.npz"))
    assert made == sorted(p.relative_to(SAMPLE) for p in SAMPLE.rglob("*.npz"))
    for path in made:
        one, other = np.load(tmp_path / path), np.load(SAMPLE / path)
        assert one.files == other.files
        for key in one.files:
            if one[key].dtype.kind in "Ubi":
                np.testing.assert_array_equal(one[key], other[key])
            else:
                near = 1.0 if one[key].dtype == np.uint8 else 1e-4
                np.testing.assert_allclose(
                    one[key].astype(float), other[key].astype(float), atol=near, rtol=2e-3
                )


def test_one_manifest_is_all_replicas_and_the_consensus():
    blueprint = Registry(FolderTree(ROOT)).blueprint("ensemble-dgp").value
    job = Job(
        name="one", user="ada", month="2026-11", group=None, blueprint=blueprint.name,
        version=blueprint.version, datasets=(Dataset("store:one", "0" * 64, 1),),
        parameters={"replicas": 9}, pricing="standard", hardware={}, max_runtime=None,
        retry_of=None, cancelled=None,
    )  # fmt: skip
    *replicas, last = expand(blueprint, job)
    assert [run.replica for run in replicas] == list(range(9))
    assert {run.step for run in replicas} == {"track"}
    assert last.step == "consensus"
    assert set(last.needs) == {f"replicas/{k}" for k in range(9)}
