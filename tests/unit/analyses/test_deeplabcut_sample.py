"""The sample of DeepLabCut, its score, and what blueprint and page say."""

import csv
import io
import json
import runpy
import shutil
import struct
import zipfile
import zlib
from dataclasses import MISSING, fields

import deeplabcut_support as support
import numpy as np
import pytest
from analyses_support import ROOT
from dlc_training import project, settings
from dlc_training.refusal import Refusal

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

SCORING = runpy.run_path(str(support.SAMPLE / "score.py"))
_SIDE, _FRAMES = 64, 200


def _grey(png):
    """The pixels of a grey PNG without filters."""
    at, data = 8, b""
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        data += png[at + 8 : at + 8 + size] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += size + 12
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(_SIDE, _SIDE + 1)
    assert not rows[:, 0].any()
    return rows[:, 1:]


def _film(avi):
    """The frames of an uncompressed grey AVI."""
    start = avi.index(b"movi") + 4
    size = 8 + _SIDE**2
    chunks = [avi[start + n * size : start + (n + 1) * size] for n in range(_FRAMES)]
    assert {chunk[:4] for chunk in chunks} == {b"00db"}
    return np.stack([np.frombuffer(chunk[8:], np.uint8) for chunk in chunks]).reshape(
        -1, _SIDE, _SIDE
    )


def test_generator_makes_the_committed_files(tmp_path):
    shutil.copy(support.SAMPLE / "generate.py", tmp_path)
    runpy.run_path(str(tmp_path / "generate.py"), run_name="__main__")
    made, kept = (np.load(at / "truth.npz")["positions"] for at in (tmp_path, support.SAMPLE))
    np.testing.assert_allclose(made, kept, atol=1e-4)
    archives = [zipfile.ZipFile(at / "dataset/mouse.zip") for at in (tmp_path, support.SAMPLE)]
    assert archives[0].namelist() == archives[1].namelist()
    for name in archives[0].namelist():
        new, old = (archive.read(name) for archive in archives)
        if name.endswith((".png", ".avi")):
            read = _grey if name.endswith(".png") else _film
            # Exponentials round differently from one processor to another: a grey value by one.
            assert np.abs(read(new).astype(int) - read(old)).max() <= 1
        else:
            assert new == old


def test_sample_is_a_project_whose_pictures_are_frames_of_its_video():
    path = support.SAMPLE / "dataset/mouse.zip"
    read = project.read(path, 0.9, 0)
    assert sum(picture.trained for picture in read.pictures) == 60
    truth = np.load(support.SAMPLE / "truth.npz")["positions"]
    with zipfile.ZipFile(path) as archive:
        film = _film(archive.read(read.video))
        for picture in read.pictures:
            frame = int(picture.name[3:6])
            assert (_grey(archive.read(picture.member)) == film[frame]).all()
            np.testing.assert_allclose(picture.places, truth[frame], atol=6e-4)


def _scored(folder, noise):
    truth = np.load(support.SAMPLE / "truth.npz")["positions"].astype(float)
    found = truth + noise * np.random.default_rng(0).normal(size=truth.shape)
    # Frames that were trained with do not count.
    found[:5] += 100
    cells = np.concatenate([found, np.ones((*found.shape[:2], 1))], axis=2).reshape(len(found), -1)
    rows = [",".join(map(str, [frame, *row])) for frame, row in enumerate(cells)]
    (folder / "tracks.csv").write_text("\n".join(["scorer", "bodyparts", "coords", *rows]) + "\n")
    lines = [f"img{n:03d}.png,{'train' if n < 5 else 'test'}\n" for n in range(8)]
    (folder / "labels.csv").write_text("picture,set\n" + "".join(lines))
    return SCORING["score"](folder)


def test_the_score_passes_the_truth_and_misses_what_falls_short(tmp_path):
    scores, missed = _scored(tmp_path, 0.0)
    assert missed == []
    assert (scores["rmse_px"], scores["frames"]) == (0, _FRAMES - 5)
    bars = set(json.loads((support.SAMPLE / "expected.json").read_text()))
    scores, missed = _scored(tmp_path, 3.0)
    assert {line.split()[0] for line in missed} == bars
    assert scores["rmse_px"] == pytest.approx(3 * np.sqrt(2), rel=0.05)


@pytest.fixture(scope="module")
def blueprint():
    loaded = Registry(FolderTree(ROOT)).blueprint("deeplabcut")
    assert loaded.findings == ()
    return loaded.value


def _read(tmp_path, **parameters):
    asked = {**support.REQUIRED, **parameters}
    document = {"schema": "neurocaas/config/v1", "dataset": "d", "parameters": asked}
    (tmp_path / "config.yaml").write_text(json.dumps(document))
    return settings.read(tmp_path)


def test_defaults_and_bounds_are_those_of_the_workflow(blueprint, tmp_path):
    own = {
        f.name: f.default
        for f in fields(settings.Settings)
        if f.default is not MISSING and f.name != "dataset"
    }
    rules = blueprint.parameters["properties"]
    assert {n: rule["default"] for n, rule in rules.items() if "default" in rule} == own
    assert set(blueprint.parameters["required"]) == set(rules) - set(own) == set(support.REQUIRED)
    assert rules["backbone"]["enum"] == list(settings.BACKBONES)
    for name, rule in rules.items():
        if "enum" in rule:
            continue
        step = 1 if rule["type"] == "integer" else 1e-7
        for bound, sign in (("minimum", -1), ("maximum", 1)):
            assert getattr(_read(tmp_path, **{name: rule[bound]}), name) == rule[bound]
            with pytest.raises(Refusal, match=name):
                _read(tmp_path, **{name: rule[bound] + sign * step})


def test_outputs_and_parameters_are_documented(blueprint):
    page = (ROOT / "docs/analyses/deeplabcut.md").read_text()
    for name in (*blueprint.parameters["properties"], *(rule.path for rule in blueprint.outputs)):
        assert f"`{name}`" in page


def test_upstream_is_pinned_by_its_digest():
    lock = (ROOT / "iae/deeplabcut/requirements.lock").read_text()
    (line,) = [line for line in lock.splitlines() if line.startswith("deeplabcut==")]
    assert line.split()[0] == "deeplabcut==3.0.2"
    assert line.split()[1].startswith("--hash=sha256:")


def test_table_of_the_sample_is_one_that_csv_readers_take():
    with zipfile.ZipFile(support.SAMPLE / "dataset/mouse.zip") as archive:
        (name,) = [one for one in archive.namelist() if one.endswith(".csv")]
        rows = list(csv.reader(io.StringIO(archive.read(name).decode())))
    assert [row[0] for row in rows[:3]] == ["scorer", "bodyparts", "coords"]
    assert {len(row) for row in rows} == {11}
