"""The sample and the blueprint of locanmf: small, seeded, honest about what they ask for."""

import json
import runpy
import shutil
from dataclasses import MISSING, fields

import locanmf_support as support
import numpy as np
import pytest
from analyses_support import ROOT
from locanmf import settings
from locanmf.app import main
from locanmf.refusal import Refusal

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

SCORE = runpy.run_path(str(support.SAMPLE / "score.py"))["score"]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    assert main(support.SAMPLE, folder) == 0
    return folder


def test_generator_makes_the_committed_files(tmp_path):
    """The movie to the last digits of a decomposition, whose signs a processor may choose."""
    shutil.copy(support.SAMPLE / "generate.py", tmp_path)
    runpy.run_path(str(tmp_path / "generate.py"), run_name="__main__")
    one, other = (np.load(p / "dataset/cortex.npz") for p in (tmp_path, support.SAMPLE))
    np.testing.assert_array_equal(one["atlas"], other["atlas"])
    np.testing.assert_allclose(one["U"] @ one["V"], other["U"] @ other["V"], atol=1e-4)
    one, other = (np.load(p / "truth.npz") for p in (tmp_path, support.SAMPLE))
    for key in one.files:
        np.testing.assert_allclose(one[key], other[key], atol=1e-6)


def test_sample_is_small():
    files = [p for p in support.SAMPLE.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert sum(p.stat().st_size for p in files) < 300_000


def test_sample_meets_its_bars(outputs):
    scores, missed = SCORE(outputs)
    assert missed == []
    assert scores["correlation_mean"] >= 0.9
    assert scores["correlation_minimum"] >= 0.75


@pytest.mark.parametrize(
    ("parameters", "name"),
    [({"maximum_rank": 1}, "matched"), ({"penalty_steps": 0}, "localization_minimum")],
)
def test_the_search_and_the_penalty_are_needed(tmp_path, parameters, name):
    shutil.copytree(support.SAMPLE, tmp_path / "sample")
    config = json.loads((support.SAMPLE / "config.yaml").read_text()) | {"parameters": parameters}
    (tmp_path / "sample/config.yaml").write_text(json.dumps(config))
    (tmp_path / "out").mkdir()
    assert main(tmp_path / "sample", tmp_path / "out") == 0
    assert any(line.startswith(name) for line in SCORE(tmp_path / "out")[1])


@pytest.fixture(scope="module")
def blueprint():
    loaded = Registry(FolderTree(ROOT)).blueprint("locanmf")
    assert loaded.findings == ()
    return loaded.value


def _read(tmp_path, **parameters):
    document = {"schema": "neurocaas/config/v1", "dataset": "d", "parameters": parameters}
    (tmp_path / "config.yaml").write_text(json.dumps(document))
    return settings.read(tmp_path)


def test_defaults_are_those_of_the_workflow(blueprint, tmp_path):
    own = {f.name: f.default for f in fields(settings.Settings) if f.default is not MISSING}
    rules = blueprint.parameters["properties"]
    assert {name: rule["default"] for name, rule in rules.items()} == own
    assert _read(tmp_path, **own) == settings.Settings("d")


def test_bounds_are_those_of_the_workflow(blueprint, tmp_path):
    for name, rule in blueprint.parameters["properties"].items():
        whole = rule["type"] == "integer"
        for bound, sign in (("minimum", -1), ("maximum", 1)):
            # A least rank at its bound needs a largest that is no less.
            other = {"maximum_rank": 20} if name == "minimum_rank" else {}
            accepted = _read(tmp_path, **(other | {name: rule[bound]}))
            assert getattr(accepted, name) == rule[bound]
            with pytest.raises(Refusal, match=name):
                _read(tmp_path, **{name: rule[bound] + sign * (1 if whole else 1e-7)})


def test_outputs_and_parameters_are_documented(blueprint, outputs):
    page = (ROOT / "docs/analyses/locanmf.md").read_text()
    for name in blueprint.parameters["properties"]:
        assert f"`{name}`" in page
    assert {rule.path for rule in blueprint.outputs} == {p.name for p in outputs.iterdir()}
    for rule in blueprint.outputs:
        assert f"`{rule.path}`" in page
