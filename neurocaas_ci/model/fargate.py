"""Which sizes AWS Fargate has, for Linux tasks on x86-64; I/O is not handled here.

From "Task CPU and memory" in the Amazon ECS developer guide. Sizes below one vCPU are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

GIB = 1 << 30

# vCPUs: the least and the most memory, and the step between, in GiB.
_MEMORY: Mapping[int, tuple[int, int, int]] = {
    1: (2, 8, 1),
    2: (4, 16, 1),
    4: (8, 30, 1),
    8: (16, 60, 4),
    16: (32, 120, 8),
}
DISKS = (50, 100, 200)
"""GiB of storage that tasks are given; 200 is the most that AWS gives one."""
LONGEST = 14 * 24 * 3600
"""Seconds after which AWS ends every task of Batch on Fargate."""

_NAME = re.compile(r"fargate-([1-9][0-9]?)vcpu-([1-9][0-9]{0,2})gb")


def is_size(vcpus: int, memory: int) -> bool:
    """Tell whether there is a task of that many vCPUs and bytes of memory."""
    if vcpus not in _MEMORY:
        return False
    least, most, step = _MEMORY[vcpus]
    size, rest = divmod(memory, GIB)
    return not rest and least <= size <= most and (size - least) % step == 0


def disk_for(size: int) -> int | None:
    """Return the GiB of storage of a task that has room for so many bytes, or None."""
    return next((disk for disk in DISKS if disk * GIB >= size), None)


def sizes(vcpus: int) -> str:
    """Say in words which memory a task of that many vCPUs may have, or which vCPUs there are."""
    if vcpus not in _MEMORY:
        return f"{', '.join(map(str, _MEMORY))} vCPUs"
    least, most, step = _MEMORY[vcpus]
    return f"{least}GiB to {most}GiB in steps of {step}GiB with {vcpus} vCPU{'s' * (vcpus > 1)}"


def parse_name(name: str) -> tuple[int, int] | None:
    """Return vCPUs and bytes of memory for a name such as `fargate-4vcpu-16gb`, or None.

    AWS writes GB where it means GiB.
    """
    match = _NAME.fullmatch(name)
    return None if match is None else (int(match[1]), int(match[2]) * GIB)
