"""The sample, the blueprint and the scores of lfads; its training is tested in its image."""

import json
import runpy
import shutil
from dataclasses import MISSING, fields

import lfads_support as support
import numpy as np
import pytest
from analyses_support import ROOT
from lfads import settings
from lfads.refusal import Refusal

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

SCORING = runpy.run_path(str(support.SAMPLE / "score.py"))


def test_generator_makes_the_committed_files(tmp_path):
    shutil.copy(support.SAMPLE / "generate.py", tmp_path)
    runpy.run_path(str(tmp_path / "generate.py"), run_name="__main__")
    # Not the bytes: how well an archive is compressed depends on the zlib of the Python at hand.
    place = "dataset/lorenz.npz"
    with np.load(tmp_path / place) as made, np.load(support.SAMPLE / place) as kept:
        assert made.files == kept.files
        assert all(np.array_equal(made[name], kept[name]) for name in kept.files)
    with np.load(tmp_path / "truth.npz") as made, np.load(support.SAMPLE / "truth.npz") as kept:
        for name in ("rates", "states", "condition"):
            np.testing.assert_allclose(made[name], kept[name], rtol=1e-5)


def _saved(folder, rates, factors):
    held_out = np.arange(len(rates)) % 6 == 5
    np.savez(folder / "rates.npz", rates_hz=rates / 0.02, factors=factors, held_out=held_out)


def test_the_truth_reaches_every_bar_and_smoothing_none_of_them(tmp_path):
    with np.load(support.SAMPLE / "truth.npz") as file:
        condition = file["condition"]
        rates, states = file["rates"][condition], file["states"][condition]
    _saved(tmp_path, rates, states)
    scores, missed = SCORING["score"](tmp_path)
    assert missed == []
    assert scores["rate_r2"] == pytest.approx(1)
    assert scores["share_of_the_oracles_bits"] == pytest.approx(1)
    assert scores["lorenz_r2"] == pytest.approx([1, 1, 1])
    from scipy.ndimage import gaussian_filter1d

    with np.load(support.SAMPLE / "dataset/lorenz.npz") as file:
        smooth = gaussian_filter1d(file["spikes"].astype(float), 2.0, axis=1)
    _saved(tmp_path, smooth, smooth[..., :6])
    scores, missed = SCORING["score"](tmp_path)
    assert scores["rate_r2_above_smoothing"] <= 1e-9
    bars = set(json.loads((support.SAMPLE / "expected.json").read_text()))
    # Whatever follows the spikes does well on these very spikes; on others of the same rates it does not.
    assert {line.split()[0] for line in missed} == bars - {"share_of_the_oracles_bits"}


@pytest.fixture(scope="module")
def blueprint():
    loaded = Registry(FolderTree(ROOT)).blueprint("lfads")
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


def test_outputs_and_parameters_are_documented(blueprint):
    page = (ROOT / "docs/analyses/lfads.md").read_text()
    for name in blueprint.parameters["properties"]:
        assert f"`{name}`" in page
    for rule in blueprint.outputs:
        assert f"`{rule.path}`" in page
