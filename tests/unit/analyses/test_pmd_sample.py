"""The sample of PMD and its blueprint: made by the generator, met by the analysis, same bounds."""

import json
import runpy
import shutil
from dataclasses import fields

import numpy as np
import pytest
from analyses_support import ROOT
from pmd import settings
from pmd.app import main
from pmd.refusal import Refusal
from scipy import sparse

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

SAMPLE = ROOT / "iae/pmd/sample"


def _clean():
    truth = np.load(SAMPLE / "truth.npz")
    activity = np.tensordot(truth["courses"].astype(float).T, truth["footprints"].astype(float), 1)
    return truth["baseline"] + activity


def test_generator_makes_the_committed_files(tmp_path):
    shutil.copy(SAMPLE / "generate.py", tmp_path)
    runpy.run_path(str(tmp_path / "generate.py"), run_name="__main__")
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.npz"))
    assert made == sorted(path.relative_to(SAMPLE) for path in SAMPLE.rglob("*.npz"))
    for path in made:
        one, other = np.load(tmp_path / path), np.load(SAMPLE / path)
        assert one.files == other.files
        for key in one.files:
            np.testing.assert_array_equal(one[key], other[key], strict=True)


def test_sample_is_small():
    assert sum(p.stat().st_size for p in SAMPLE.rglob("*") if p.is_file()) < 1_000_000


@pytest.mark.slow
def test_the_bar_is_met_and_met_again(tmp_path):
    runs = [tmp_path / "one", tmp_path / "two"]
    for folder in runs:
        folder.mkdir()
        assert main(SAMPLE, folder) == 0
    for path in runs[0].iterdir():
        assert path.read_bytes() == (runs[1] / path.name).read_bytes(), path.name

    bar = json.loads((SAMPLE / "expected.json").read_text())
    clean = _clean()
    activity = clean - clean.mean(axis=0)
    power = np.mean(activity**2)
    raw = np.load(SAMPLE / "dataset/cells.npz")["movie"].astype(float)
    raw -= raw.mean(axis=0)
    found = np.load(runs[0] / "pmd.npz")
    u = sparse.csc_array(
        (found["U_data"], found["U_indices"], found["U_indptr"]), shape=found["U_shape"]
    )
    error = np.mean(((u @ found["V"]).T.reshape(raw.shape) - activity) ** 2)
    gain = np.mean((raw - activity) ** 2) / error
    assert gain >= bar["snr_gain_in_power"]["minimum"]
    r2 = 1 - error / power
    assert r2 >= bar["r2_to_noise_free"]["minimum"]

    # R2 of the truncated SVD of every rank, from the singular vectors: |A - B|^2 is
    # |A|^2 - 2 <A, B> + |B|^2, and the terms of B are orthogonal.
    assert bar["r2_above_truncated_svd_of_every_rank"] is True
    left, values, right = np.linalg.svd(raw.reshape(len(raw), -1), full_matrices=False)
    shared = values * np.einsum("tk,tp,kp->k", left, activity.reshape(len(raw), -1), right,
                                optimize=True)  # fmt: skip
    truncated = np.cumsum(2 * shared - values**2) / (power * raw.size)
    direct = (left[:, :5] * values[:5]) @ right[:5] - activity.reshape(len(raw), -1)
    assert truncated[4] == pytest.approx(1 - np.mean(direct**2) / power)
    assert r2 > truncated.max() + 0.05


@pytest.fixture(scope="module")
def blueprint():
    loaded = Registry(FolderTree(ROOT)).blueprint("pmd")
    assert loaded.findings == ()
    return loaded.value


def _read(tmp_path, parameters):
    document = {"schema": "neurocaas/config/v1", "dataset": "d", "parameters": parameters}
    (tmp_path / "config.yaml").write_text(json.dumps(document))
    return settings.read(tmp_path)


def test_defaults_are_those_of_the_workflow(blueprint, tmp_path):
    own = {field.name: field.default for field in fields(settings.Settings)}
    defaults = {name: rule["default"] for name, rule in blueprint.parameters["properties"].items()}
    assert defaults == {name: value for name, value in own.items() if name != "dataset"}
    assert _read(tmp_path, defaults) == settings.Settings("d")


def test_bounds_are_those_of_the_workflow(blueprint, tmp_path):
    """Just inside is accepted, just outside is refused, for every bounded parameter."""
    bounded = 0
    for name, rule in blueprint.parameters["properties"].items():
        whole = rule.get("type") == "integer"
        for bound, sign in (("minimum", -1), ("maximum", 1)):
            if bound in rule:
                bounded += 1
                assert getattr(_read(tmp_path, {name: rule[bound]}), name) == rule[bound]
                step = 1 if whole else abs(rule[bound]) * 1e-6
                with pytest.raises(Refusal, match=name):
                    _read(tmp_path, {name: rule[bound] + sign * step})
        for choice in rule.get("enum", ()):
            assert getattr(_read(tmp_path, {name: choice}), name) == choice
    assert bounded == 14


def test_blueprint_says_what_it_is(blueprint):
    assert blueprint.implementation == "from-paper"
    assert {rule.path for rule in blueprint.outputs} == {"pmd.npz", "metrics.json", "figure.png"}
    for name, rule in blueprint.parameters["properties"].items():
        assert len(rule["description"]) > 10, name
