"""Specs hold everything a run depends on, and nothing that changes by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocaas_ci.model.blueprint import (
    Blueprint,
    BlueprintLimits,
    DatasetRules,
    OutputRule,
    RunLimits,
    Step,
)
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.registry import Dataset, Job
from neurocaas_ci.run import records
from neurocaas_ci.run.specs import StepEnvironment, make_specs

ENVIRONMENT = StepEnvironment(Sha256("a" * 64), ("/bin/x", "-I"), {"A": "1"}, "none")
LIMITS = RunLimits(memory=1 << 20, cpus=2)


def blueprint(protocol="parallel", steps=("work",), **changes):
    fields = {
        "name": "b", "version": "1.0.0", "title": "", "summary": "", "subfield": "",
        "references": (), "maintainers": (), "stage": "open", "groups": (), "protocol": protocol,
        "steps": tuple(Step(s, s, "laptop", ("laptop", "big"), 600, LIMITS) for s in steps),
        "datasets": DatasetRules(),
        "parameters": {"type": "object", "properties": {"n": {"type": "integer", "default": 3}}},
        "outputs": (OutputRule("a.npz", {}), OutputRule("b.png", {}, required=False)),
        "limits": BlueprintLimits(),
    }  # fmt: skip
    return Blueprint(**{**fields, **changes})


def job(count=2, **changes):
    data = tuple(Dataset(f"store:x/d{i}.csv", Sha256(f"{i:064x}"), i) for i in range(count))
    fields = {
        "name": "j", "user": "ada", "month": "2026-11", "group": None, "blueprint": "b",
        "version": "1.0.0", "datasets": data, "parameters": {}, "pricing": "standard",
        "hardware": {}, "max_runtime": None, "retry_of": None, "cancelled": None,
    }  # fmt: skip
    return Job(**{**fields, **changes})


def specs(plan, task, **options):
    return make_specs(plan, task, {s.id: ENVIRONMENT for s in plan.steps}, **options)


def test_one_spec_per_dataset_with_all_it_needs():
    first, second = specs(blueprint(), job())
    assert (first.job, first.run, first.step) == ("ada/2026-11/j", "001-work", "work")
    assert [(f.path, f.sha256, f.size) for f in second.inputs] == [
        ("dataset/d1.csv", f"{1:064x}", 1)
    ]
    assert first.config == {
        "schema": "neurocaas/config/v1", "dataset": "dataset/d0.csv", "parameters": {"n": 3},
        "replica": None,
    }  # fmt: skip
    assert first.image == ENVIRONMENT.image
    assert first.command == ENVIRONMENT.command
    assert first.limits == LIMITS
    assert first.outputs_required == ("a.npz",)
    assert first.use_cache


def test_only_the_last_run_of_a_dataset_must_leave_the_outputs():
    found = specs(blueprint("chain", ("one", "two")), job(1))
    assert [s.outputs_required for s in found] == [(), ("a.npz",)]
    fan = specs(blueprint("ensemble", ("fit", "join")), job(1, parameters={"replicas": 3}))
    assert [s.outputs_required for s in fan] == [(), (), (), ("a.npz",)]
    assert [s.config["replica"] for s in fan] == [0, 1, 2, None]


@pytest.mark.parametrize(("asked", "given_"), [(None, 600), (60, 60), (6000, 600)])
def test_a_job_can_shorten_the_runtime_but_not_lengthen_it(asked, given_):
    assert specs(blueprint(), job(max_runtime=asked))[0].max_runtime == given_


def test_a_job_chooses_its_hardware_and_it_does_not_change_the_identity():
    (small,), (big,) = (specs(blueprint(), job(1, hardware=h)) for h in ({}, {"work": "big"}))
    assert (small.hardware, big.hardware) == ("laptop", "big")
    assert small.identity(small.inputs) == big.identity(big.inputs)


def test_without_cache_is_said_in_the_spec():
    assert not specs(blueprint(), job(), use_cache=False)[0].use_cache


def test_unknown_protocols_and_missing_environments_are_errors():
    with pytest.raises(LookupError):
        specs(blueprint("nonsense"), job())
    with pytest.raises(KeyError):
        make_specs(blueprint(), job(), {})


@given(st.integers(1, 30), st.sampled_from(["parallel", "chain", "ensemble"]))
def test_laws_of_every_protocol(count, protocol):
    steps = ("work",) if protocol == "parallel" else ("one", "two")
    plan, task = blueprint(protocol, steps), job(count, parameters={"replicas": 2})
    found = specs(plan, task)
    assert found == specs(plan, task)
    ids = [spec.run for spec in found]
    assert len(set(ids)) == len(ids)
    for spec in found:
        assert set(spec.needs.values()) <= set(ids) - {spec.run}
        assert records.decode_spec(records.encode_spec(spec)) == spec


def test_two_datasets_of_one_name_are_two_runs():
    same = tuple(d._replace(uri="store:d.csv") for d in job().datasets)
    one, two = specs(blueprint(), job(datasets=same))
    assert one.run != two.run
    assert one.identity(one.inputs) != two.identity(two.inputs)


def test_a_run_has_its_own_parameters_where_the_protocol_says_so():
    number = {"type": "integer", "default": 3}
    axis = {"type": "array", "items": {"type": "integer"}}
    grid = {"type": "object", "properties": {"fit": {"type": "object", "properties": {"n": axis}}}}
    parameters = {"type": "object", "properties": {"n": number, "sweep": grid}}
    plan = blueprint("sweep", ("fit", "table"), parameters=parameters)
    sweep = {"fit": {"n": [1, 2]}}
    *fits, table = specs(plan, job(1, parameters={"sweep": sweep}))
    assert [spec.config["parameters"] for spec in fits] == [{"n": 1}, {"n": 2}]
    assert table.config["parameters"] == {"n": 3, "sweep": sweep}
    assert table.needs == {"combinations/1": "001-fit-c1", "combinations/2": "001-fit-c2"}
    # Other parameters are another computation; the same ones are the same.
    assert len({spec.identity(spec.inputs) for spec in fits}) == 2
    (other,) = specs(plan, job(1, parameters={"n": 2}))[:1]
    assert other.identity(other.inputs) == fits[1].identity(fits[1].inputs)
