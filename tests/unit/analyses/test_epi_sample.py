"""The sample and the blueprint of epi: small, seeded, honest about what they ask for."""

import filecmp
import json
import runpy
import shutil
from dataclasses import MISSING, fields

import epi_support as support
import numpy as np
import pytest
from analyses_support import ROOT
from epi import settings
from epi.flow import Flow, Shape
from epi.refusal import Refusal

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

SCORING = runpy.run_path(str(support.SAMPLE / "score.py"))


@pytest.mark.slow
def test_generator_makes_the_committed_files(tmp_path):
    shutil.copy(support.SAMPLE / "generate.py", tmp_path)
    runpy.run_path(str(tmp_path / "generate.py"), run_name="__main__")
    for name in ("dataset/oscillation.json", "truth.json"):
        assert filecmp.cmp(tmp_path / name, support.SAMPLE / name, shallow=False)


@pytest.mark.slow
def test_sample_meets_its_bars_and_they_can_be_missed(tmp_path):
    support.run_sample(tmp_path)
    scores, missed = SCORING["score"](tmp_path)
    assert missed == []
    assert scores["largest_violation_sd"] <= 0.15
    # Both directions of rotation are found, not one of them.
    assert 0.3 < scores["share_with_positive_a12"] < 0.7
    with np.load(tmp_path / "flow.npz") as file:
        arrays = {key: file[key] for key in file.files}
    np.savez(tmp_path / "flow.npz", **{**arrays, "weights": 0.9 * arrays["weights"]})
    assert any(line.startswith("largest_violation") for line in SCORING["score"](tmp_path)[1])


def test_the_score_writes_out_the_same_flow():
    shape, bounds = Shape(4, 3, 5), np.array([[-10.0, 10.0], [-5, 8], [0, 1], [-3, -1]])
    rng = np.random.default_rng(0)
    weights = 0.5 * rng.normal(size=shape.size)
    saved = {"layers": 3, "units": 5, "bounds": bounds, "weights": weights}
    theta, logq = SCORING["draw"](saved, 50, np.random.default_rng(1))
    noise = np.random.default_rng(1).normal(size=(50, 4))
    own, own_logq, _ = Flow(shape, bounds, weights).forward(noise)
    np.testing.assert_allclose(theta, own, rtol=1e-9)
    np.testing.assert_allclose(logq, own_logq, rtol=1e-6)


def test_the_score_measures_what_eigenvalues_say():
    for system in ([0.3, 6.0, -6.5, -0.1], [-2.0, 9.0, -5.0, 2.2], [3.0, -8.0, 7.0, -3.4]):
        growth, frequency = SCORING["measure"](np.array(system))
        value = np.linalg.eigvals(np.reshape(system, (2, 2)))[0]
        assert growth == pytest.approx(value.real, abs=0.02)
        assert frequency == pytest.approx(abs(value.imag) / (2 * np.pi), rel=0.02)
    assert np.isnan(SCORING["measure"](np.array([-1.0, 0, 0, -2.0]))).all()


@pytest.fixture(scope="module")
def blueprint():
    loaded = Registry(FolderTree(ROOT)).blueprint("epi")
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
        step = 1 if rule["type"] == "integer" else 1e-7
        for bound, sign in (("minimum", -1), ("maximum", 1)):
            assert getattr(_read(tmp_path, **{name: rule[bound]}), name) == rule[bound]
            with pytest.raises(Refusal, match=name):
                _read(tmp_path, **{name: rule[bound] + sign * step})


def test_outputs_and_parameters_are_documented_and_a_run_that_fell_short_says_so(
    blueprint, tmp_path
):
    code, outputs = support.run(tmp_path, support.QUESTION, **support.SHORT)
    assert code == 0
    metrics = json.loads((outputs / "metrics.json").read_text())
    assert metrics["converged"] is False
    assert metrics["entropy_when_first_converged_nats"] is None
    page = (ROOT / "docs/analyses/epi.md").read_text()
    for name in blueprint.parameters["properties"]:
        assert f"`{name}`" in page
    assert {rule.path for rule in blueprint.outputs} == {p.name for p in outputs.iterdir()}
    for rule in blueprint.outputs:
        assert f"`{rule.path}`" in page
