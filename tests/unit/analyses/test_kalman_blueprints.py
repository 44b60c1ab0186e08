"""The shipped blueprints say what the workflows accept, and load without a finding."""

import json
from dataclasses import fields

import pytest
from analyses_support import ROOT
from kalman_smoother import settings as smoother
from kalman_smoother.refusal import Refusal

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

NAMES = ("kalman-smoother", "kalman-ensemble")


@pytest.fixture(params=NAMES)
def blueprint(request):
    loaded = Registry(FolderTree(ROOT)).blueprint(request.param)
    assert loaded.findings == ()
    return loaded.value


def _read(tmp_path, parameters):
    document = {"schema": "neurocaas/config/v1", "dataset": "d", "parameters": parameters}
    (tmp_path / "config.yaml").write_text(json.dumps(document))
    return smoother.read(tmp_path)


def test_defaults_are_those_of_the_workflow(blueprint, tmp_path):
    own = {f.name: f.default for f in fields(smoother.Settings)}
    defaults = {name: rule["default"] for name, rule in blueprint.parameters["properties"].items()}
    assert defaults == {name: own[name] for name in defaults}
    assert _read(tmp_path, defaults) == smoother.Settings("d", None)
    unused = {"replicas"} if blueprint.protocol == "parallel" else {"held_out_fraction"}
    assert set(defaults) == set(own) - {"dataset", "replica"} - unused


def test_bounds_are_those_of_the_workflow(blueprint, tmp_path):
    """Just inside is accepted, just outside is refused, for every bounded parameter."""
    bounded = 0
    for name, rule in blueprint.parameters["properties"].items():
        step = 1 if rule.get("type") == "integer" else 1e-7
        for bound, sign in (("minimum", -1), ("maximum", 1)):
            if bound in rule:
                bounded += 1
                assert getattr(_read(tmp_path, {name: rule[bound]}), name) == rule[bound]
                outside = rule[bound] + sign * max(step, abs(rule[bound]) * 1e-7)
                with pytest.raises(Refusal, match=name):
                    _read(tmp_path, {name: outside if step < 1 else rule[bound] + sign})
        for choice in rule.get("enum", ()):
            assert getattr(_read(tmp_path, {name: choice}), name) == choice
    assert bounded >= 12


def test_every_parameter_is_described(blueprint):
    for name, rule in blueprint.parameters["properties"].items():
        assert len(rule["description"]) > 10, name


def test_outputs_are_those_of_the_last_step(blueprint):
    declared = {rule.path for rule in blueprint.outputs}
    if blueprint.protocol == "parallel":
        assert declared == {
            "smoothed.npz", "parameters.npz", "log_likelihood.csv", "metrics.json", "figure.png",
        }  # fmt: skip
    else:
        assert declared == {"consensus.npz", "metrics.json", "figure.png"}
