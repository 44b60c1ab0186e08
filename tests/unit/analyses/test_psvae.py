"""The PS-VAE refuses what it cannot use, without torch; its sample and blueprint say what is true."""

import json
import runpy
import shutil
import sys
from dataclasses import MISSING, fields

import numpy as np
import psvae_support as support
import pytest
from analyses_support import ROOT
from psvae import dataset, settings
from psvae.refusal import Refusal

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

SCORING = runpy.run_path(str(support.SAMPLE / "score.py"))
BROKEN = np.where(np.arange(160).reshape(80, 2) == 7, np.nan, 1.0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"labels": None}, "array 'labels' is missing"),
        ({"frames": np.zeros((80, 16), np.uint8)}, "8-bit grey values"),
        ({"frames": np.zeros((80, 16, 24))}, "not float64 (80, 16, 24)"),
        ({"frames": np.zeros((80, 16, 20), np.uint8)}, "multiples of 8"),
        ({"frames": np.zeros((80, 16, 24), np.uint8)}, "the same picture"),
        ({"labels": np.zeros((79, 2))}, "labels must be (80, 2)"),
        ({"labels": np.ones((80, 2))}, "label 'x_px' never changes"),
        ({"labels": BROKEN}, "labels must be finite"),
        ({"label_names": np.array(["a", "a"])}, "names one label twice"),
        ({"label_names": np.array([1, 2])}, "1 to 32 texts"),
        ({"held_out": np.arange(80)}, "80 booleans"),
        ({"held_out": np.zeros(80, bool)}, "one held out at least"),
        ({"held_out": np.arange(80) > 20}, "50 frames or more"),
        ({"labels": np.array([[{}]])}, "cannot be read as NPZ"),
    ],
)
def test_an_unusable_recording_is_refused_in_one_sentence(changes, sentence, tmp_path, capsys):
    code, outputs = support.run(tmp_path, support.recording(**changes))
    error = capsys.readouterr().err
    assert code == 65
    assert error.startswith("error: video.npz: ")
    assert sentence in error
    assert error.count("\n") == 1
    assert not list(outputs.iterdir())


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", None])
def test_a_file_that_is_no_archive_is_refused(content, tmp_path, capsys):
    assert support.run(tmp_path, content)[0] == 65
    assert "video.npz: it cannot be read as NPZ" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"epochs": 0}, "epochs must be a whole number"),
        ({"alpha": "big"}, "alpha must be a number"),
        ({"alpah": 1}, "parameter 'alpah' does not exist"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(parameters, sentence, tmp_path, capsys):
    assert support.run(tmp_path, support.recording(), **parameters)[0] == 65
    assert sentence in capsys.readouterr().err


def test_a_refusal_waits_for_no_heavy_library(tmp_path):
    before = set(sys.modules)
    assert support.run(tmp_path, support.recording(labels=None))[0] == 65
    assert not {"torch", "matplotlib"} & (set(sys.modules) - before)


def test_a_sound_recording_is_read_as_fractions_of_white(tmp_path):
    np.savez(tmp_path / "video.npz", **support.recording())
    read = dataset.read(tmp_path / "video.npz")
    assert read.frames.dtype == np.float32
    assert read.frames.max() <= 1
    assert read.names == ("x_px", "y_px")


def test_generator_makes_the_committed_files(tmp_path):
    shutil.copy(support.SAMPLE / "generate.py", tmp_path)
    runpy.run_path(str(tmp_path / "generate.py"), run_name="__main__")
    for name in ("dataset/behaviour.npz", "truth.npz"):
        made, kept = np.load(tmp_path / name), np.load(support.SAMPLE / name)
        assert made.files == kept.files
        for key in made.files:
            assert made[key].dtype == kept[key].dtype
            if made[key].dtype.kind in "Ub":
                assert (made[key] == kept[key]).all()
            else:
                # Exponentials round differently from one processor to another: a grey value by one.
                near = 1.0 if made[key].dtype == np.uint8 else 1e-4
                np.testing.assert_allclose(
                    made[key].astype(float), kept[key].astype(float), atol=near
                )


def _outputs(folder, *, labels=0.0, decoded=None):
    with np.load(support.SAMPLE / "dataset/behaviour.npz") as file:
        frames, truth, held_out = file["frames"], file["labels"], file["held_out"]
    hidden = np.load(support.SAMPLE / "truth.npz")["hidden"]
    np.savez(
        folder / "latents.npz",
        latents=np.hstack([truth, hidden]),
        labels=truth + labels * np.random.default_rng(0).normal(size=truth.shape),
        held_out_frames=frames[held_out] if decoded is None else decoded,
    )
    return SCORING["score"](folder)[1]


def test_the_score_passes_the_truth_and_misses_what_falls_short(tmp_path):
    assert _outputs(tmp_path) == []
    assert _outputs(tmp_path, labels=2.0)[0].startswith("label_r2 is")
    grey = np.full((300, 32, 32), 60, np.uint8)
    assert _outputs(tmp_path, decoded=grey)[0].startswith("reconstruction_r2_above_pca is -")


@pytest.fixture(scope="module")
def blueprint():
    loaded = Registry(FolderTree(ROOT)).blueprint("behavenet-psvae")
    assert loaded.findings == ()
    return loaded.value


def _read(tmp_path, **parameters):
    document = {"schema": "neurocaas/config/v1", "dataset": "d", "parameters": parameters}
    (tmp_path / "config.yaml").write_text(json.dumps(document))
    return settings.read(tmp_path)


def test_defaults_and_bounds_are_those_of_the_workflow(blueprint, tmp_path):
    own = {f.name: f.default for f in fields(settings.Settings) if f.default is not MISSING}
    rules = blueprint.parameters["properties"]
    assert {name: rule["default"] for name, rule in rules.items()} == own
    for name, rule in rules.items():
        step = 1 if rule["type"] == "integer" else 1e-7
        for bound, sign in (("minimum", -1), ("maximum", 1)):
            assert getattr(_read(tmp_path, **{name: rule[bound]}), name) == rule[bound]
            with pytest.raises(Refusal, match=name):
                _read(tmp_path, **{name: rule[bound] + sign * step})


def test_outputs_and_parameters_are_documented(blueprint):
    page = (ROOT / "docs/analyses/behavenet-psvae.md").read_text()
    assert {rule.path for rule in blueprint.outputs} == {
        *("latents.npz", "model.npz", "metrics.json", "figure.png")
    }
    for name in (*blueprint.parameters["properties"], *(rule.path for rule in blueprint.outputs)):
        assert f"`{name}`" in page
