"""The hardware files that come with the repository say what AWS says, and that nobody has asked it.

moto carries AWS's own answers to DescribeInstanceTypes; prices are held against the published unit prices.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from decimal import Decimal
from pathlib import Path

import pytest

from neurocaas_ci.hardware.machine import instance, task
from neurocaas_ci.model.fargate import GIB, parse_name
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

_ROOT = Path(__file__).parents[3]
_REGISTRY = Registry(FolderTree(_ROOT))
_FOUND = [_REGISTRY.hardware(name) for name in _REGISTRY.hardware_ids()]
_AWS = [one.value for one in _FOUND if one.value is not None and one.value.provider == "aws"]
_EC2 = [machine for machine in _AWS if machine.launch == "ec2"]
_TASKS = [machine for machine in _AWS if machine.launch == "fargate"]


@pytest.fixture(scope="module")
def described():
    spec = importlib.util.find_spec("moto")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "ec2/resources/instance_types.json.gz"
    return json.loads(gzip.decompress(path.read_bytes()))


def test_what_is_there() -> None:
    assert all(one.value is not None for one in _FOUND)
    assert {"laptop", "m5.16xlarge", "r5.16xlarge"} <= set(_REGISTRY.hardware_ids())
    families = {machine.id.split(".")[0] for machine in _EC2}
    assert families == {"c5", "g4dn", "g5", "g6", "m5", "r5"}
    assert _TASKS


@pytest.mark.parametrize("machine", _EC2, ids=lambda machine: machine.id)
def test_an_instance_is_as_aws_describes_it(machine, described) -> None:
    asked = instance({"InstanceType": machine.id, **described[machine.id]}, machine.id)
    assert asked == (machine.id, "ec2", machine.vcpus, machine.memory, machine.gpus)


@pytest.mark.parametrize("machine", _EC2, ids=lambda machine: machine.id)
def test_sizes_of_a_family_without_gpus_cost_by_the_processor(machine) -> None:
    each = {"m5": "0.048", "r5": "0.063", "c5": "0.0425"}.get(machine.id.split(".")[0])
    if each is not None:
        assert Decimal(repr(machine.price_standard)) == Decimal(each) * machine.vcpus


@pytest.mark.parametrize("machine", _TASKS, ids=lambda machine: machine.id)
def test_a_task_costs_its_parts(machine) -> None:
    assert parse_name(machine.id) == (machine.vcpus, machine.memory)
    assert task(machine.id, (machine.vcpus, machine.memory)).gpus == 0
    parts = Decimal("0.04048") * machine.vcpus + Decimal("0.004445") * (machine.memory // GIB)
    assert Decimal(repr(machine.price_standard)) == parts


@pytest.mark.parametrize("machine", _AWS, ids=lambda machine: machine.id)
def test_what_was_not_fetched_says_so(machine) -> None:
    if machine.price_save is None:
        assert "entered by hand" in machine.source or "GetProducts" in machine.source
    else:
        assert "GetProducts" in machine.source
