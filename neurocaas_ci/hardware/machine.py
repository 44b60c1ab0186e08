"""The description of a machine to what a hardware file says of it; I/O is not handled here."""

from __future__ import annotations

from typing import NamedTuple

from neurocaas_ci.errors import UsageError
from neurocaas_ci.hardware.answers import AnswerError, mapping, sequence, whole
from neurocaas_ci.hardware.interface import Answer
from neurocaas_ci.model.fargate import is_size, parse_name, sizes
from neurocaas_ci.model.registry import Launch

_MIB = 1 << 20


class Machine(NamedTuple):
    """A machine as a hardware file describes it; memory in bytes."""

    id: str
    launch: Launch
    vcpus: int
    memory: int
    gpus: int


def instance(description: Answer, name: str) -> Machine:
    """Return what `DescribeInstanceTypes` says of a type.

    Raise AnswerError for a description that lacks something, UsageError for another architecture.
    """
    if description.get("InstanceType") != name:
        raise AnswerError(f"the description is one of {description.get('InstanceType')!r}")
    processor = mapping(description.get("ProcessorInfo"), "`ProcessorInfo`")
    kinds = sequence(processor.get("SupportedArchitectures"), "`SupportedArchitectures`")
    if "x86_64" not in kinds:
        raise UsageError(
            f"its processors are {', '.join(map(str, kinds)) or 'unknown'}",
            hint="environments are built for x86_64; choose another type",
        )
    cores = mapping(description.get("VCpuInfo"), "`VCpuInfo`")
    memory = mapping(description.get("MemoryInfo"), "`MemoryInfo`")
    graphics = mapping(description.get("GpuInfo", {}), "`GpuInfo`")
    gpus = [
        whole(mapping(one, "a graphics processor").get("Count"), "`GpuInfo.Gpus[].Count`")
        for one in sequence(graphics.get("Gpus", []), "`GpuInfo.Gpus`")
    ]
    return Machine(
        name,
        "ec2",
        whole(cores.get("DefaultVCpus"), "`VCpuInfo.DefaultVCpus`"),
        whole(memory.get("SizeInMiB"), "`MemoryInfo.SizeInMiB`") * _MIB,
        sum(gpus),
    )


def task(name: str, known: tuple[int, int] | None) -> Machine:
    """Return the Fargate task of a name such as `fargate-4vcpu-16gb`.

    `known` are the vCPUs and bytes of memory of its file, which may have any name. Raise UsageError
    for a size that Fargate does not have.
    """
    size = known or parse_name(name)
    if size is None:
        raise UsageError(
            "the name gives no size", hint="write for example fargate-4vcpu-16gb for a new one"
        )
    if not is_size(*size):
        raise UsageError("Fargate has no such size", hint=f"it offers {sizes(size[0])}")
    return Machine(name, "fargate", *size, 0)
