"""Descriptions of instance types, and names of Fargate sizes."""

from __future__ import annotations

import pytest

from neurocaas_ci.errors import UsageError
from neurocaas_ci.hardware.answers import AnswerError
from neurocaas_ci.hardware.machine import instance, task
from neurocaas_ci.model.fargate import GIB, is_size, parse_name
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.single import OneFile

# As in "DescribeInstanceTypes", Examples, of the Amazon EC2 API reference.
G5 = {
    "InstanceType": "g5.12xlarge",
    "CurrentGeneration": True,
    "ProcessorInfo": {"SupportedArchitectures": ["x86_64"], "SustainedClockSpeedInGhz": 3.3},
    "VCpuInfo": {"DefaultVCpus": 48, "DefaultCores": 24, "DefaultThreadsPerCore": 2},
    "MemoryInfo": {"SizeInMiB": 196608},
    "GpuInfo": {
        "Gpus": [{"Name": "A10G", "Manufacturer": "NVIDIA", "Count": 4}],
        "TotalGpuMemoryInMiB": 91553,
    },
}


def test_a_description() -> None:
    assert instance(G5, "g5.12xlarge") == ("g5.12xlarge", "ec2", 48, 192 * GIB, 4)
    plain = {key: value for key, value in G5.items() if key != "GpuInfo"}
    assert instance(plain, "g5.12xlarge").gpus == 0


@pytest.mark.parametrize("lost", ["ProcessorInfo", "VCpuInfo", "MemoryInfo", "InstanceType"])
def test_what_is_missing_is_named(lost) -> None:
    described = {key: value for key, value in G5.items() if key != lost}
    with pytest.raises(AnswerError):
        instance(described, "g5.12xlarge")


def test_another_architecture() -> None:
    arm = {**G5, "ProcessorInfo": {"SupportedArchitectures": ["arm64"]}}
    with pytest.raises(UsageError, match="its processors are arm64"):
        instance(arm, "g5.12xlarge")


def test_fargate_sizes() -> None:
    assert task("fargate-4vcpu-16gb", None) == ("fargate-4vcpu-16gb", "fargate", 4, 16 * GIB, 0)
    assert task("ours", (1, 2 * GIB)).memory == 2 * GIB
    for name in ("fargate-4vcpu-64gb", "fargate-3vcpu-16gb", "fargate-8vcpu-18gb"):
        with pytest.raises(UsageError, match="no such size"):
            task(name, None)
    for name in ("fargate", "fargate-04vcpu-16gb", "fargate-4vcpu-16gbx", "m5.large"):
        assert parse_name(name) is None
    assert not is_size(4, 16 * GIB + 1)
    assert is_size(16, 120 * GIB)
    assert not is_size(16, 121 * GIB)


@pytest.mark.parametrize(
    ("name", "provider", "launch"),
    [("m5.large", "aws", "ec2"), ("fargate-1-2", "aws", "fargate"), ("fargate", "local", None)],
)
def test_the_id_says_how_it_is_started(name, provider, launch) -> None:
    text = (
        f"schema: neurocaas/hardware/v1\nid: {name}\nprovider: {provider}\nvcpus: 1\n"
        "memory: 2GiB\nprice_usd_per_hour: {standard: 1}\nsource: x\ndate: 2026-11-01\n"
    )
    loaded = Registry(OneFile(f"registry/hardware/{name}.yaml", text.encode())).hardware(name)
    assert loaded.value is not None
    assert loaded.value.launch == launch
