"""The sweep of the widefield chain: its manifest, its price, its table."""

import csv
import json
import shutil
from collections import Counter

import numpy as np
import pytest
import widefield_support as support
from analyses_support import ROOT
from sweep_table.app import main as table_main

from neurocaas_ci.model.digest import sha256_bytes
from neurocaas_ci.protocols import expand
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

EXAMPLE = ROOT / "docs/analyses/widefield-sweep"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """The committed manifest in a registry, with its blueprint."""
    folder = tmp_path_factory.mktemp("registry")
    for part in ("registry", "iae"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("src", "sample"))
    place = folder / "registry/jobs/ada/2026-11"
    place.mkdir(parents=True)
    shutil.copy(EXAMPLE / "job.yaml", place / "widefield-sweep.yaml")
    registry = Registry(FolderTree(folder))
    loaded = registry.job("ada/2026-11/widefield-sweep")
    assert loaded.findings == ()
    return registry.blueprint("widefield-sweep").value, loaded.value


def test_the_manifest_is_of_the_sample(sweep):
    dataset = sweep[1].datasets[0]
    content = (support.PREPROCESS / "sample/dataset/cortex.npz").read_bytes()
    assert dataset.sha256 == sha256_bytes(content)
    assert sweep[1].version == sweep[0].version


def test_twelve_combinations_share_what_they_can(sweep):
    runs = expand(*sweep)
    assert Counter(run.step for run in runs) == {"preprocess": 2, "demix": 12, "table": 1}
    assert all("sweep" not in (run.parameters or {}) for run in runs)


def test_the_table_is_of_the_manifest(sweep):
    with (EXAMPLE / "table.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    ends = [run for run in expand(*sweep) if run.step == "demix"]
    names = ("smoothing", "localization_threshold", "r2_threshold")
    for row, run in zip(rows, ends, strict=True):
        assert [row[name] for name in names] == [str(run.parameters[name]) for name in names]
    # One and the same preprocessing for all combinations that do not differ in it.
    assert len({row["preprocess.pmd_share_of_variance"] for row in rows}) == 2


def _table(folder, metrics, sweep=None):
    for number, content in metrics.items():
        target = folder / "in/combinations" / str(number)
        target.mkdir(parents=True)
        (target / "metrics.json").write_text(
            content if isinstance(content, str) else json.dumps(content)
        )
    (folder / "in").mkdir(exist_ok=True)
    document = {"schema": "neurocaas/config/v1", "parameters": {"sweep": sweep or {}}}
    (folder / "in/config.yaml").write_text(json.dumps(document))
    (folder / "out").mkdir()
    return table_main(folder / "in", folder / "out")


def test_more_than_nine_combinations_are_in_order(tmp_path):
    metrics = {n: {"parameters": {"x": n}, "score": n / 2} for n in range(1, 13)}
    assert _table(tmp_path, metrics, {"fit": {"x": list(range(1, 13))}}) == 0
    with (tmp_path / "out/table.csv").open() as stream:
        found = [
            (int(r["combination"]), int(r["x"]), float(r["score"])) for r in csv.DictReader(stream)
        ]
    assert found == [(n, n, n / 2) for n in range(1, 13)]
    assert (tmp_path / "out/figure.png").read_bytes().startswith(b"\x89PNG")


def test_what_a_combination_does_not_report_is_empty(tmp_path):
    metrics = {
        1: {"parameters": {"x": 1}, "a": True, "b": {"c": 2}},
        2: {"parameters": {"x": 2}, "d": None, "e": [1]},
    }
    assert _table(tmp_path, metrics, {"fit": {"x": [1, 2]}}) == 0
    assert (tmp_path / "out/table.csv").read_text().splitlines() == [
        "combination,x,a,b.c,d", "1,1,true,2,", "2,2,,,",
    ]  # fmt: skip


FINE = {"parameters": {"x": 1}, "a": 1}


@pytest.mark.parametrize(
    ("metrics", "says"),
    [
        ({}, "numbered from 1"),
        ({1: FINE, 3: FINE}, "without gaps"),
        ({"one": FINE}, "no number"),
        ({1: "{"}, "no readable metrics.json"),
        ({1: "[1]"}, "no mapping"),
        ({1: {"a": 1}}, "with which parameters"),
        ({1: {"parameters": {"y": 1}}}, "does not tell x"),
        ({1: FINE, 2: FINE}, "the same parameters"),
        ({1: '{"parameters": {"x": 1}, "a": NaN}'}, "no number"),
    ],
)
def test_what_is_no_sweep(tmp_path, capsys, metrics, says):
    assert _table(tmp_path, metrics, {"fit": {"x": [1]}}) == 65
    sentence = capsys.readouterr().err
    assert says in sentence
    assert sentence.count("\n") == 1


def test_no_swept_value_of_the_committed_table_is_a_guess():
    """Numbers of the committed table that the page quotes are in it."""
    with (EXAMPLE / "table.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    components = np.array([int(row["components"]) for row in rows])
    strict = np.array([row["r2_threshold"] == "0.99" for row in rows])
    assert (components[strict] - components[~strict] >= 4).all()
