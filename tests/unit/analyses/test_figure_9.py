"""Our figure 9: its manifest is one job on the committed sample, its numbers meet the bars, its picture can be drawn again."""

import hashlib
import importlib.util
import json
import shutil

import deepgraphpose_support as support
import numpy as np
import pytest
from analyses_support import ROOT

from neurocaas_ci.protocols import expand
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

EXAMPLE = ROOT / "docs/analyses/ensemble-dgp"
NUMBERS = json.loads((EXAMPLE / "figure-9.json").read_text())
_SPEC = importlib.util.spec_from_file_location("figure_9", ROOT / "scripts/figure_9.py")
figure_9 = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(figure_9)


def test_the_manifest_is_nine_trainings_and_a_consensus_on_the_sample(tmp_path):
    shutil.copytree(ROOT / "registry", tmp_path / "registry", ignore=shutil.ignore_patterns("jobs"))
    place = tmp_path / "registry/jobs/ada/2026-11"
    place.mkdir(parents=True)
    shutil.copy(EXAMPLE / "job.yaml", place / "figure-9.yaml")
    registry = Registry(FolderTree(tmp_path))
    loaded = registry.job("ada/2026-11/figure-9")
    assert loaded.findings == ()
    blueprint = registry.blueprint("ensemble-dgp").value
    *replicas, consensus = expand(blueprint, loaded.value)
    assert [run.replica for run in replicas] == list(range(9))
    assert set(consensus.needs) == {f"replicas/{k}" for k in range(9)}
    (dataset,) = loaded.value.datasets
    data = (support.TRACKER / "dataset/mouse.npz").read_bytes()
    assert (dataset.sha256, dataset.size) == (hashlib.sha256(data).hexdigest(), len(data))


@pytest.mark.parametrize("size", ["3", "5", "9"])
def test_the_numbers_meet_the_bars(size):
    bars = json.loads((support.CONSENSUS / "expected.json").read_text())
    found = NUMBERS["ensembles"][size]
    assert len(found["rmse_px"]) == {"3": 84, "5": 126, "9": 1}[size]
    for name, bar in bars.items():
        typical = float(np.median(found[name]))
        assert bar.get("minimum", -np.inf) <= typical <= bar.get("maximum", np.inf), name
    assert np.median(found["rmse_px"]) <= np.median(NUMBERS["rmse_px_of_replicas"])


def test_the_picture_is_small_and_can_be_drawn_again(tmp_path):
    pytest.importorskip("matplotlib")
    figure_9.draw(NUMBERS, tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes().startswith(b"\x89PNG")
    assert (ROOT / "docs/images/ensemble-dgp-figure-9.png").stat().st_size <= 200_000
