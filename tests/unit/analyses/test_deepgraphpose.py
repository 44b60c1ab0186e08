"""The tracker refuses what it cannot use, without torch; its sample and blueprints say what is true."""

import json
import runpy
import shutil
import sys
import zipfile
from dataclasses import MISSING, fields

import deepgraphpose_support as support
import numpy as np
import pytest
from analyses_support import ROOT
from deepgraphpose import dataset, settings
from deepgraphpose.refusal import Refusal

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

SCORING = runpy.run_path(str(support.TRACKER / "score.py"))
NOT_PARAMETERS = {"dataset", "replica"}


def _label(value, *, both=False):
    labels = support.recording()["labels"]
    labels[3, 1, slice(None) if both else 0] = value
    return {"labels": labels}


def _unmarked():
    labels = support.recording()["labels"]
    # It is marked in the frame that is held out, which does not help.
    labels[[0, 1, 3, 4], 1] = np.nan
    return {"labels": labels}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"labels": None}, "there is no array named labels"),
        ({"bodyparts": None}, "there is no array named bodyparts"),
        ({"frames": np.zeros((12, 16), np.uint8)}, "frames must be 8-bit"),
        ({"frames": np.zeros((12, 24, 32))}, "not float64 (12, 24, 32)"),
        ({"frames": np.zeros((12, 24, 32, 2), np.uint8)}, "three channels, not 2"),
        ({"frames": np.zeros((12, 20, 32), np.uint8)}, "multiples of 8"),
        ({"frames": np.zeros((12, 24, 32), np.uint8)}, "the same grey"),
        ({"frames": np.zeros((9, 24, 32), np.uint8) + np.arange(32, dtype=np.uint8)}, "9 frames are too few"),
        ({"labels": np.ones((5, 2))}, "(labelled frames, parts, x and y), not float64 (5, 2)"),
        ({"labels": np.full((5, 2, 2), "a")}, "labels must be numbers"),
        (_label(np.nan), "'nose' in frame 7 has one coordinate only"),
        (_label(np.inf), "'nose' in frame 7 is infinite"),
        (_label(31.5), "'nose' in frame 7 lies outside of 32 x 24 pixels"),
        (_label(-1), "lies outside"),
        ({"labels": np.full((5, 2, 2), 0.5)}, "in pixels, not fractions"),
        (_unmarked(), "body part 'nose' is marked in no frame to train with"),
        ({"label_frames": np.array([0, 2, 5, 7, 12])}, "names frame 12, but there are frames 0 to 11"),
        ({"label_frames": np.array([0, 2, 5, 7, 7])}, "names one frame twice"),
        ({"label_frames": np.array([0.0, 2, 5, 7, 8])}, "a list of whole numbers"),
        ({"held_out": np.zeros(4, bool)}, "5 booleans"),
        ({"held_out": np.arange(5) > 2}, "3 labelled frames to train with are too few"),
        ({"bodyparts": np.array(["a", "a"])}, "names one part twice"),
        ({"bodyparts": np.array(["a,b", "c"])}, "no name for a column"),
        ({"bodyparts": np.array([1, 2])}, "1 to 100 texts"),
        ({"skeleton": np.array([[0, 2]])}, "none of 0 to 1"),
        ({"skeleton": np.array([[1, 1]])}, "with itself"),
        ({"skeleton": np.array([0, 1])}, "pairs of body parts"),
        ({"frame_rate_hz": np.array(0.0)}, "one number from 0.1 to 10000"),
        ({"bodyparts": np.array([{}])}, "not readable as .npz"),
    ],
)  # fmt: skip
def test_an_unusable_recording_is_refused_in_one_sentence(changes, sentence, tmp_path, capsys):
    code, outputs = support.run(tmp_path, support.recording(**changes))
    error = capsys.readouterr().err
    assert code == 65
    assert error.startswith("error: video.npz: ")
    assert sentence in error
    assert error.count("\n") == 1
    assert not list(outputs.iterdir())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b"PK\x03\x04 no archive", "not readable as .npz"),
        (None, "there is no such dataset"),
    ],
)
def test_a_file_that_is_no_archive_is_refused(content, sentence, tmp_path, capsys):
    assert support.run(tmp_path, content)[0] == 65
    assert sentence in capsys.readouterr().err


def test_another_suffix_is_refused(tmp_path, capsys):
    assert support.run(tmp_path, b"RIFF", name="video.avi")[0] == 65
    assert "the suffix must be .npz" in capsys.readouterr().err


def test_an_archive_that_would_fill_the_memory_is_refused_before_it_is_unpacked(tmp_path, capsys):
    inputs = tmp_path / "inputs/dataset"
    inputs.mkdir(parents=True)
    np.savez(inputs / "video.npz", **support.recording())
    with zipfile.ZipFile(inputs / "video.npz", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more.npy", bytes(1_000))
        # What the directory of the archive says that it will be, as that of a real one would.
        archive.getinfo("more.npy").file_size = 4100_000_000
    assert support.run(tmp_path, None)[0] == 65
    assert "more than this analysis takes" in capsys.readouterr().err


def test_scoremaps_that_would_not_fit_are_refused_before_the_training(
    tmp_path, capsys, monkeypatch
):
    from deepgraphpose import app

    monkeypatch.setattr(app, "_MOST_BYTES", 9_000)
    assert support.run(tmp_path, support.recording())[0] == 65
    assert "scoremaps of 12 frames would take" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"iterations": 0}, "iterations must be a whole number"),
        ({"spatial_weight": "big"}, "spatial_weight must be a number"),
        ({"rotation_deg": 3.2e9}, "rotation_deg must be a number from 0 to 180"),
        ({"iteration": 1}, "parameter 'iteration' does not exist"),
        ({"replica": -1}, "replica must be a whole number"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(parameters, sentence, tmp_path, capsys):
    assert support.run(tmp_path, support.recording(), **parameters)[0] == 65
    assert sentence in capsys.readouterr().err


def test_a_configuration_that_is_none_is_refused(tmp_path, capsys):
    assert support.run(tmp_path, support.recording(), config="{")[0] == 65
    assert "config.yaml cannot be read as JSON" in capsys.readouterr().err


def test_a_refusal_waits_for_no_heavy_library(tmp_path):
    before = set(sys.modules)
    assert support.run(tmp_path, support.recording(labels=None))[0] == 65
    assert not {"torch", "matplotlib"} & (set(sys.modules) - before)


def test_a_sound_recording_is_read(tmp_path):
    grey = support.recording(
        skeleton=None, frame_rate_hz=None, held_out=None, **_label(np.nan, both=True)
    )
    colour = {**grey, "frames": np.repeat(grey["frames"][..., None], 3, axis=3)}
    for name, arrays in (("grey", grey), ("colour", colour)):
        np.savez(tmp_path / f"{name}.npz", **arrays)
        read = dataset.read(tmp_path / f"{name}.npz")
        np.testing.assert_array_equal(read.frames, grey["frames"])
        assert np.isnan(read.labels).sum() == 2
        assert read.bodyparts == ("paw", "nose")
        assert read.skeleton.shape == (0, 2)
        assert read.frame_rate is None
        assert not read.held_out.any()


def test_generator_makes_the_committed_files(tmp_path):
    shutil.copy(support.TRACKER / "generate.py", tmp_path)
    runpy.run_path(str(tmp_path / "generate.py"), run_name="__main__")
    for name in ("dataset/mouse.npz", "truth.npz"):
        made, kept = np.load(tmp_path / name), np.load(support.TRACKER / name)
        assert made.files == kept.files
        for key in made.files:
            assert made[key].dtype == kept[key].dtype
            if made[key].dtype.kind in "Ubi":
                assert (made[key] == kept[key]).all()
            else:
                # Exponentials round differently from one processor to another: a grey value by one.
                near = 1.0 if made[key].dtype == np.uint8 else 1e-4
                np.testing.assert_allclose(
                    made[key].astype(float), kept[key].astype(float), atol=near
                )


def _scored(folder, noise):
    with np.load(support.TRACKER / "truth.npz") as file:
        truth = file["positions"].astype(float)
    found = truth + noise * np.random.default_rng(0).normal(size=truth.shape)
    cells = np.concatenate([found, np.ones((*found.shape[:2], 1))], axis=2).reshape(len(found), -1)
    rows = [",".join(map(str, [frame, *row])) for frame, row in enumerate(cells)]
    (folder / "tracks.csv").write_text("\n".join(["scorer", "bodyparts", "coords", *rows]) + "\n")
    return SCORING["score"](folder)


def test_the_score_passes_the_truth_and_misses_what_falls_short(tmp_path):
    scores, missed = _scored(tmp_path, 0.0)
    assert missed == []
    assert scores["rmse_px"] == 0
    assert scores["roughness_over_truth"] == pytest.approx(1)
    bars = set(json.loads((support.TRACKER / "expected.json").read_text()))
    scores, missed = _scored(tmp_path, 5.0)
    assert {line.split()[0] for line in missed} == bars
    # Four parts, two coordinates each.
    assert scores["rmse_px"] == pytest.approx(5 * np.sqrt(8), rel=0.05)


@pytest.fixture(scope="module")
def blueprints():
    registry = Registry(FolderTree(ROOT))
    loaded = [registry.blueprint(name) for name in ("deepgraphpose", "ensemble-dgp")]
    assert [one.findings for one in loaded] == [(), ()]
    return [one.value for one in loaded]


def _read(tmp_path, **parameters):
    document = {"schema": "neurocaas/config/v1", "dataset": "d", "parameters": parameters}
    (tmp_path / "config.yaml").write_text(json.dumps(document))
    return settings.read(tmp_path)


def test_defaults_and_bounds_are_those_of_the_workflow(blueprints, tmp_path):
    own = {
        f.name: f.default
        for f in fields(settings.Settings)
        if f.default is not MISSING and f.name not in NOT_PARAMETERS
    }
    rules = blueprints[0].parameters["properties"]
    assert {name: rule["default"] for name, rule in rules.items()} == own
    for name, rule in rules.items():
        step = 1 if rule["type"] == "integer" else 1e-7
        for bound, sign in (("minimum", -1), ("maximum", 1)):
            assert getattr(_read(tmp_path, **{name: rule[bound]}), name) == rule[bound]
            with pytest.raises(Refusal, match=name):
                _read(tmp_path, **{name: rule[bound] + sign * step})


def test_the_ensemble_takes_the_parameters_of_the_tracker_and_how_many(blueprints, tmp_path):
    one, many = (blueprint.parameters["properties"] for blueprint in blueprints)
    assert {name: rule for name, rule in many.items() if name != "replicas"} == one
    assert (many["replicas"]["minimum"], many["replicas"]["maximum"]) == (2, 9)
    assert _read(tmp_path, replicas=9) == settings.Settings("d")


def test_a_tracker_by_itself_is_replica_0(tmp_path):
    read = []
    for replica in (None, 0, 1):
        document = {"schema": "neurocaas/config/v1", "dataset": "d", "replica": replica}
        (tmp_path / "config.yaml").write_text(json.dumps(document))
        read.append(settings.read(tmp_path))
    assert read[0] == read[1] == settings.Settings("d")
    assert read[2] == settings.Settings("d", replica=1)


def test_outputs_and_parameters_are_documented(blueprints):
    for blueprint in blueprints:
        page = (ROOT / f"docs/analyses/{blueprint.name}.md").read_text()
        for name in (*blueprint.parameters["properties"], *(r.path for r in blueprint.outputs)):
            assert f"`{name}`" in page
