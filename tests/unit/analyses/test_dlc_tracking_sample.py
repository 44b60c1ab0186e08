"""The sample and the blueprint of dlc-tracking: small, seeded, honest about what they ask for."""

import json
import runpy
import shutil
from dataclasses import MISSING, fields

import dlc_tracking_support as support
import pytest
from analyses_support import ROOT
from dlc_tracking import settings
from dlc_tracking.app import main
from dlc_tracking.refusal import Refusal

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

SCORE = runpy.run_path(str(support.SAMPLE / "score.py"))["score"]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    assert main(support.SAMPLE, folder) == 0
    return folder


def test_generator_makes_the_committed_files(tmp_path):
    shutil.copy(support.SAMPLE / "generate.py", tmp_path)
    runpy.run_path(str(tmp_path / "generate.py"), run_name="__main__")
    made = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*.csv"))
    assert [str(p) for p in made] == ["dataset/open-field.csv", "truth.csv"]
    for path in made:
        assert (tmp_path / path).read_bytes() == (support.SAMPLE / path).read_bytes()


def test_sample_is_small():
    files = [p for p in support.SAMPLE.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert sum(p.stat().st_size for p in files) < 200_000


def test_sample_meets_its_bars(outputs):
    scores, missed = SCORE(outputs)
    assert missed == []
    assert scores["frame_f1"] >= 0.95
    assert scores["bout_recall"] == scores["bout_precision"] == 1.0


def test_bars_can_be_missed(outputs, tmp_path):
    """A bout cut short and one that is not there are noticed, and in one of the two tables alone."""
    shutil.copytree(outputs, tmp_path, dirs_exist_ok=True)
    rows = (tmp_path / "bouts.csv").read_text().splitlines()
    (tmp_path / "bouts.csv").write_text("\n".join([*rows[:-1], "8,0,0,0,300,330,0"]) + "\n")
    _, missed = SCORE(tmp_path)
    assert any("bout_recall is 0.875" in line for line in missed)
    assert any("bout_precision is 0.875" in line for line in missed)
    assert "bouts.csv and frames.csv do not say the same" in missed


def test_twice_gives_the_same_bytes(outputs, tmp_path):
    assert main(support.SAMPLE, tmp_path) == 0
    for path in outputs.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("parameters", "name"),
    [({"likelihood_threshold": 0}, "bout_precision"), ({"minimum_duration": 0.2}, "bouts")],
)
def test_what_makes_the_sample_hard_is_needed(tmp_path, parameters, name):
    """Believing every position, or counting every pause, misses the bars."""
    shutil.copytree(support.SAMPLE, tmp_path / "sample")
    config = json.loads((support.SAMPLE / "config.yaml").read_text())
    config["parameters"] |= parameters
    (tmp_path / "sample/config.yaml").write_text(json.dumps(config))
    (tmp_path / "out").mkdir()
    assert main(tmp_path / "sample", tmp_path / "out") == 0
    assert any(line.startswith(name) for line in SCORE(tmp_path / "out")[1])


@pytest.fixture(scope="module")
def blueprint():
    loaded = Registry(FolderTree(ROOT)).blueprint("dlc-tracking")
    assert loaded.findings == ()
    return loaded.value


def _read(tmp_path, **parameters):
    document = {
        "schema": "neurocaas/config/v1",
        "dataset": "d",
        "parameters": {"frame_rate": 25, **parameters},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(document))
    return settings.read(tmp_path)


def test_defaults_are_those_of_the_workflow(blueprint, tmp_path):
    own = {f.name: f.default for f in fields(settings.Settings) if f.default is not MISSING}
    rules = blueprint.parameters["properties"]
    defaults = {name: rule["default"] for name, rule in rules.items() if "default" in rule}
    assert blueprint.parameters["required"] == ["frame_rate"]
    assert set(rules) == set(own) | {"frame_rate"}
    assert _read(tmp_path, **defaults) == settings.Settings("d", 25.0)
    assert {k: tuple(v) if isinstance(v, list) else v for k, v in defaults.items()} == own


def test_bounds_are_those_of_the_workflow(blueprint, tmp_path):
    bounded = 0
    for name, rule in blueprint.parameters["properties"].items():
        assert len(rule["description"]) > 10, name
        for bound, sign in (("minimum", -1), ("maximum", 1)):
            if bound in rule:
                bounded += 1
                assert getattr(_read(tmp_path, **{name: rule[bound]}), name) == rule[bound]
                with pytest.raises(Refusal, match=name):
                    _read(
                        tmp_path, **{name: rule[bound] + sign * max(1e-9, abs(rule[bound]) / 1e7)}
                    )
        for choice in rule.get("enum", ()):
            assert getattr(_read(tmp_path, **{name: choice}), name) == choice
    assert bounded == 16


def test_outputs_and_parameters_are_documented(blueprint):
    page = (ROOT / "docs/analyses/dlc-tracking.md").read_text()
    for name in blueprint.parameters["properties"]:
        assert f"`{name}`" in page
    for rule in blueprint.outputs:
        assert f"`{rule.path}`" in page
