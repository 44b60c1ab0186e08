"""Protocols are pure: from a job to the same runs in the same order, every time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from neurocaas_ci.model.blueprint import Blueprint, BlueprintLimits, DatasetRules, Step
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.planned_run import run_id
from neurocaas_ci.model.registry import Dataset, Job
from neurocaas_ci.protocols import expand, names
from neurocaas_ci.protocols.parameters import effective


def blueprint(protocol, steps, parameters=None):
    return Blueprint(
        name="b", version="1.0.0", title="", summary="", subfield="", references=(),
        maintainers=(), stage="open", groups=(), protocol=protocol,
        steps=tuple(Step(s, s, "laptop", ("laptop",), 60) for s in steps),
        datasets=DatasetRules(), parameters=parameters or {"type": "object"}, outputs=(),
        limits=BlueprintLimits(),
    )  # fmt: skip


def job(count, parameters=None):
    data = tuple(Dataset(f"store:d{i}.csv", Sha256("0" * 64), 1) for i in range(count))
    return Job(
        name="j", user="ada", month="2026-11", group=None, blueprint="b", version="1.0.0",
        datasets=data, parameters=parameters or {}, pricing="standard", hardware={},
        max_runtime=None, retry_of=None, cancelled=None,
    )  # fmt: skip


def shape(runs):
    return [(r.id, r.step, r.dataset, r.replica, dict(r.needs)) for r in runs]


def test_shipped_protocols():
    assert names() == ("chain", "ensemble", "parallel", "sweep")


def test_unknown_protocol():
    with pytest.raises(LookupError, match="parameters"):
        expand(blueprint("parameters", ["a"]), job(1))


def test_parallel():
    assert shape(expand(blueprint("parallel", ["smooth"]), job(2))) == snapshot(
        [("001-smooth", "smooth", 0, None, {}), ("002-smooth", "smooth", 1, None, {})]
    )


def test_chain_sees_all_earlier_steps():
    assert shape(expand(blueprint("chain", ["a", "b", "c"]), job(1))) == snapshot(
        [
            ("001-a", "a", 0, None, {}),
            ("001-b", "b", 0, None, {"steps/a": "001-a"}),
            ("001-c", "c", 0, None, {"steps/a": "001-a", "steps/b": "001-b"}),
        ]
    )


def test_ensemble_fans_out_and_in():
    schema = {"type": "object", "properties": {"replicas": {"type": "integer", "default": 2}}}
    assert shape(expand(blueprint("ensemble", ["fit", "join"], schema), job(1))) == snapshot(
        [
            ("001-fit-r0", "fit", 0, 0, {}),
            ("001-fit-r1", "fit", 0, 1, {}),
            (
                "001-join",
                "join",
                0,
                None,
                {"replicas/0": "001-fit-r0", "replicas/1": "001-fit-r1"},
            ),
        ]
    )


@pytest.mark.parametrize("replicas", [None, 0, True, "3"])
def test_ensemble_needs_replicas(replicas):
    given_ = {} if replicas is None else {"replicas": replicas}
    with pytest.raises(ValueError, match="replicas"):
        expand(blueprint("ensemble", ["fit", "join"]), job(1, given_))


@given(
    st.sampled_from(["parallel", "chain", "ensemble", "sweep"]),
    st.integers(1, 40),
    st.integers(1, 9),
)
def test_laws_of_every_protocol(protocol, count, replicas):
    steps = {
        "parallel": ["a"], "chain": ["a", "b", "c"], "ensemble": ["a", "b"], "sweep": ["a", "b", "t"],
    }[protocol]  # fmt: skip
    sweep = {"a": {"x": [1, 2]}, "b": {"y": list(range(replicas))}}
    parameters = {"sweep": sweep} if protocol == "sweep" else {"replicas": replicas}
    print_, work = blueprint(protocol, steps), job(count, parameters)
    runs = expand(print_, work)
    assert runs == expand(print_, work)
    ids = [run.id for run in runs]
    assert len(set(ids)) == len(ids)
    assert {run.dataset for run in runs} == set(range(count))
    for position, run in enumerate(runs):
        # What a run needs comes before it and belongs to its own dataset.
        assert all(need in ids[:position] for need in run.needs.values())
        assert all(runs[ids.index(need)].dataset == run.dataset for need in run.needs.values())


def test_run_ids_sort_like_numbers():
    assert run_id(0, 7, "s") == "001-s"
    assert max(run_id(i, 2000, "s") for i in range(2000)) == run_id(1999, 2000, "s")


def test_defaults_fill_in_level_by_level():
    schema = {
        "type": "object",
        "properties": {
            "a": {"default": 1},
            "b": {"type": "object", "properties": {"c": {"default": [2]}, "d": {}}},
            "e": {"type": "integer"},
        },
    }
    assert effective(schema, {}) == {"a": 1, "b": {"c": [2]}}
    assert effective(schema, {"a": False, "b": {"d": 0}}) == {
        "a": False,
        "b": {"d": 0, "c": [2]},
    }
    effective(schema, {})["b"]["c"].append(3)
    assert schema["properties"]["b"]["properties"]["c"]["default"] == [2]
