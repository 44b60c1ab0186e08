"""The sample and the blueprint of caiman: small, seeded, honest about what they ask for."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from dataclasses import MISSING, fields

import caiman_support as support
import h5py
import numpy as np
import pytest
from analyses_support import ROOT
from cnmf import settings
from cnmf.refusal import Refusal

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

RUN = "import sys; from pathlib import Path; from cnmf.app import main; main(*map(Path, sys.argv[1:]))"
SCORING = runpy.run_path(str(support.SAMPLE / "score.py"))


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    # With one thread, as in the sandbox: more of them only wait for each other.
    single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = (sys.executable, "-c", RUN, support.SAMPLE, folder)
    path = {"PYTHONPATH": str(ROOT / "iae/caiman/src")}
    subprocess.run(command, env=os.environ | single | path, check=True, timeout=110)
    return folder


@pytest.mark.slow
def test_generator_makes_the_committed_files(tmp_path):
    shutil.copy(support.SAMPLE / "generate.py", tmp_path)
    runpy.run_path(str(tmp_path / "generate.py"), run_name="__main__")
    for name in ("dataset/cells.npz", "truth.npz"):
        one, other = (np.load(folder / name) for folder in (tmp_path, support.SAMPLE))
        assert sorted(one.files) == sorted(other.files)
        for key in one.files:
            np.testing.assert_array_equal(one[key], other[key])


def test_sample_is_small():
    files = [p for p in support.SAMPLE.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert sum(p.stat().st_size for p in files) < 2_000_000


@pytest.mark.slow
def test_sample_meets_its_bars_and_broken_results_do_not(outputs, tmp_path):
    scores, missed = SCORING["score"](outputs)
    assert missed == []
    assert scores["f1"] >= 0.88
    assert scores["median_trace_correlation"] >= 0.95
    assert scores["roi_average_trace_correlation"] < scores["median_trace_correlation"] - 0.05
    copy = tmp_path / "caiman.hdf5"
    for name, change in (
        ("estimates/C", lambda x: x[::-1]),
        ("estimates/idx_components", lambda x: x[:14]),
        ("estimates/shifts_rig", lambda x: -x),
        ("estimates/S", lambda x: np.roll(x, 20, axis=1)),
    ):
        shutil.copy(outputs / "caiman.hdf5", copy)
        with h5py.File(copy, "r+") as file:
            changed = change(file[name][()])
            del file[name]
            file[name] = changed
        assert SCORING["score"](tmp_path)[1], name


@pytest.fixture(scope="module")
def blueprint():
    loaded = Registry(FolderTree(ROOT)).blueprint("caiman")
    assert loaded.findings == ()
    return loaded.value


def _read(tmp_path, **parameters):
    document = {"schema": "neurocaas/config/v1", "dataset": "d"}
    document["parameters"] = {"components": 7} | parameters
    (tmp_path / "config.yaml").write_text(json.dumps(document))
    return settings.read(tmp_path)


def test_defaults_are_those_of_the_workflow(blueprint, tmp_path):
    own = {f.name: f.default for f in fields(settings.Settings) if f.default is not MISSING}
    rules = blueprint.parameters["properties"]
    given = {name: rule["default"] for name, rule in rules.items() if "default" in rule}
    assert given == own
    assert set(rules) - set(given) == set(blueprint.parameters["required"]) == {"components"}
    assert _read(tmp_path, **own) == settings.Settings("d", 7)


def test_bounds_are_those_of_the_workflow(blueprint, tmp_path):
    for name, rule in blueprint.parameters["properties"].items():
        step = 1 if rule["type"] == "integer" else 1e-6
        for bound, sign in (("minimum", -1), ("maximum", 1)):
            assert getattr(_read(tmp_path, **{name: rule[bound]}), name) == rule[bound]
            with pytest.raises(Refusal, match=name):
                _read(tmp_path, **{name: rule[bound] + sign * step})


def test_outputs_and_parameters_are_documented(blueprint, tmp_path):
    code, outputs = support.run(tmp_path, support.movie(frames=120)[0])
    assert code == 0
    page = (ROOT / "docs/analyses/caiman.md").read_text()
    for name in blueprint.parameters["properties"]:
        assert f"`{name}`" in page
    assert {rule.path for rule in blueprint.outputs} == {p.name for p in outputs.iterdir()}
    for rule in blueprint.outputs:
        assert f"`{rule.path}`" in page
    with h5py.File(outputs / "caiman.hdf5") as file:
        count = len(file["estimates/C"])
        kept = [*file["estimates/idx_components"], *file["estimates/idx_components_bad"]]
        assert sorted(kept) == list(range(count))
        for name in file["estimates"]:
            assert f"`{name}`" in page
