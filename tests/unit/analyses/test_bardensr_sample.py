"""The sample and the blueprint of bardensr: small, seeded, honest about what they ask for."""

import filecmp
import json
import runpy
import shutil
from dataclasses import MISSING, fields

import bardensr_support as support
import numpy as np
import pytest
from analyses_support import ROOT
from bardensr import settings
from bardensr.app import main
from bardensr.refusal import Refusal

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

SCORING = runpy.run_path(str(support.SAMPLE / "score.py"))


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    assert main(support.SAMPLE, folder) == 0
    return folder


def test_generator_makes_the_committed_files(tmp_path):
    shutil.copy(support.SAMPLE / "generate.py", tmp_path)
    runpy.run_path(str(tmp_path / "generate.py"), run_name="__main__")
    one, other = (np.load(p / "dataset/tissue.npz") for p in (tmp_path, support.SAMPLE))
    assert sorted(one.files) == sorted(other.files)
    for key in one.files:
        np.testing.assert_array_equal(one[key], other[key])
    assert filecmp.cmp(tmp_path / "truth.csv", support.SAMPLE / "truth.csv", shallow=False)


def test_sample_is_small():
    files = [p for p in support.SAMPLE.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert sum(p.stat().st_size for p in files) < 200_000


@pytest.mark.slow
def test_sample_meets_its_bars(outputs):
    scores, missed = SCORING["score"](outputs)
    assert missed == []
    assert scores["bardensr"]["f1"] >= 0.95
    assert scores["correlation_baseline"]["f1"] < scores["bardensr"]["f1"] - 0.03


@pytest.mark.slow
def test_bars_are_missed_without_spots_and_with_wrong_genes(outputs, tmp_path):
    lines = (outputs / "spots.csv").read_text().splitlines()
    for broken in (lines[:1], lines[:200], [line.replace("gene1", "gene2") for line in lines]):
        (tmp_path / "spots.csv").write_text("\n".join(broken) + "\n")
        assert any(line.startswith("F1 is") for line in SCORING["score"](tmp_path)[1])


@pytest.mark.slow
def test_estimated_false_discoveries_are_near_the_true_ones(outputs):
    metrics = json.loads((outputs / "metrics.json").read_text())
    precision = SCORING["score"](outputs)[0]["bardensr"]["precision"]
    assert metrics["false_discovery_rate"] == pytest.approx(1 - precision, abs=0.02)
    assert sum(metrics["spots_by_gene"].values()) == metrics["spots"]


@pytest.fixture(scope="module")
def blueprint():
    loaded = Registry(FolderTree(ROOT)).blueprint("bardensr")
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
        if rule["type"] == "boolean":
            continue
        step = 1 if rule["type"] == "integer" else 1e-6
        for bound, sign in (("minimum", -1), ("maximum", 1)):
            assert getattr(_read(tmp_path, **{name: rule[bound]}), name) == rule[bound]
            with pytest.raises(Refusal, match=name):
                _read(tmp_path, **{name: rule[bound] + sign * step})


def test_outputs_and_parameters_are_documented(blueprint, tmp_path):
    code, outputs = support.run(tmp_path, support.stack()[0], turns=1)
    assert code == 0
    page = (ROOT / "docs/analyses/bardensr.md").read_text()
    for name in blueprint.parameters["properties"]:
        assert f"`{name}`" in page
    assert {rule.path for rule in blueprint.outputs} == {p.name for p in outputs.iterdir()}
    for rule in blueprint.outputs:
        assert f"`{rule.path}`" in page
