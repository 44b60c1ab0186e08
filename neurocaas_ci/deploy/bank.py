"""The resource bank: which machines the blueprints of a registry need in the cloud; no I/O here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from neurocaas_ci.model.blueprint import Blueprint, Step
from neurocaas_ci.model.cloud_names import queue_name
from neurocaas_ci.model.fargate import DISKS, GIB
from neurocaas_ci.model.registry import Hardware, Pricing

DISK_CLASSES = (100, 250, 500, 1000)
"""GB of the root disk; a class is shared by all steps that need no more."""

MOST_QUEUES = 50
MOST_ENVIRONMENTS = 50
"""Quotas of AWS Batch in one region that cannot be raised."""
MOST_QUEUE_NAME = 128

_SYSTEM_GB = 30
# What a task of Fargate really gets is decided by its job: the executor knows the inputs.
_TASK_DISKS = tuple(disk * GIB // 10**9 for disk in DISKS)
_GB = 10**9
_INSTANCE = re.compile(r"[a-z][a-z0-9-]*\.([a-z0-9-]+)")


class Machine(NamedTuple):
    """One entry of the bank that somebody can use: a hardware type at a price.

    `disk` is in GB, `parallel` is how many runs of one job may use it at once. A `serverless`
    machine is one of Fargate, which has neither an instance type nor a disk of its own.
    """

    hardware: str
    pricing: Pricing
    vcpus: int
    gpus: int
    disk: int
    parallel: int
    serverless: bool

    @property
    def queue(self) -> str:
        """Return the name of its queue."""
        return queue_name(self.hardware, self.pricing)


class Bank(NamedTuple):
    """The machines, in the order of their queues, and what speaks against deploying them."""

    machines: tuple[Machine, ...]
    problems: tuple[str, ...]


def make_bank(blueprints: Iterable[Blueprint], hardware: Mapping[str, Hardware]) -> Bank:
    """Return the machines of hardware that belongs to AWS and that some step may use.

    The disk of a machine holds what the largest step needs that may run on it: input, outputs,
    temporary files, and the system with its image.
    """
    needs: dict[str, tuple[int, int]] = {}
    asked: dict[str, str] = {}
    for blueprint in blueprints:
        for step in blueprint.steps:
            size = needed_disk(blueprint, step)
            for name in {step.hardware, *step.hardware_allowed}:
                disk, parallel = needs.get(name, (0, 0))
                if size > disk:
                    asked[name] = f"step {step.id} of {blueprint.name}"
                needs[name] = (max(disk, size), max(parallel, blueprint.limits.max_parallel))
    machines: list[Machine] = []
    problems: list[str] = []
    for name in sorted(needs):
        entry = hardware.get(name)
        if entry is None or entry.provider != "aws":
            continue
        need, parallel = needs[name]
        serverless = entry.launch == "fargate"
        classes = _TASK_DISKS if serverless else DISK_CLASSES
        fitting = [size for size in classes if size >= need]
        if not fitting:
            problems.append(
                f"registry/hardware/{name}.yaml: {asked[name]} needs a disk of {need} GB, "
                f"the largest there is has {classes[-1]} GB; lower datasets.max_size or the limits"
            )
            continue
        if not serverless and not _INSTANCE.fullmatch(name):
            problems.append(
                f"registry/hardware/{name}.yaml: the id is no instance type (such as m5.xlarge) and "
                "it is no task of Fargate either; name it after what AWS calls it, or say `launch: fargate`"
            )
            continue
        pricings: tuple[Pricing, ...] = ("standard",)
        if entry.price_save is not None:
            pricings = ("standard", "save")
        machines += [
            Machine(name, pricing, entry.vcpus, entry.gpus, fitting[0], parallel, serverless)
            for pricing in pricings
        ]
    machines.sort(key=lambda machine: (machine.queue, machine.hardware))
    return Bank(tuple(machines), (*problems, *_quotas(machines)))


def needed_disk(blueprint: Blueprint, step: Step) -> int:
    """Return GB of disk for one run of a step, rounded up."""
    limits = step.limits
    data = blueprint.datasets.max_size + limits.output_size + limits.tmp_size + limits.log_size
    return _SYSTEM_GB + -(-data // _GB)


def _quotas(machines: Iterable[Machine]) -> list[str]:
    problems: list[str] = []
    queues: dict[str, str] = {}
    environments: set[tuple[str, str]] = set()
    for machine in machines:
        other = queues.setdefault(machine.queue, machine.hardware)
        if other != machine.hardware:
            problems.append(
                f"registry/hardware/{machine.hardware}.yaml: its queue {machine.queue} is also that "
                f"of {other}, because Batch allows no dots; rename one of the two"
            )
        if len(machine.queue) > MOST_QUEUE_NAME:
            problems.append(
                f"registry/hardware/{machine.hardware}.yaml: the name of its queue has "
                f"{len(machine.queue)} characters, Batch takes {MOST_QUEUE_NAME}"
            )
        environments.add(("" if machine.serverless else machine.hardware, machine.pricing))
    if len(queues) > MOST_QUEUES:
        problems.append(
            f"registry/hardware: {len(queues)} job queues are needed, AWS Batch takes {MOST_QUEUES} "
            "in a region (one for each hardware type and price that a blueprint may use); take "
            "hardware out of `allowed` of the blueprints, or the price `save` out of hardware files"
        )
    if len(environments) > MOST_ENVIRONMENTS:
        problems.append(
            f"registry/hardware: {len(environments)} compute environments are needed, AWS Batch "
            f"takes {MOST_ENVIRONMENTS} in a region; take hardware out of `allowed` of the blueprints"
        )
    return problems
