"""What AWS Batch refuses of job definitions for Fargate; no I/O here.

Source: "Job definitions on Fargate" in the AWS Batch user guide, and the API reference of
EphemeralStorage. Sizes are those of "Task CPU and memory" in the Amazon ECS developer guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

INTERRUPTED = "Your Spot Task was interrupted."
BOX = Path(__file__).with_name("fargate_box.py")

# GiB of memory for whole vCPUs: least, most, step.
_SIZES = {1: (2, 8, 1), 2: (4, 16, 1), 4: (8, 30, 1), 8: (16, 60, 4), 16: (32, 120, 8)}
_NOT_THERE = ("privileged", "instanceType", "ulimits", "memory", "vcpus")


def refusal(container: Mapping[str, Any]) -> str:
    """Say why AWS would not take the container properties of a job definition, or nothing."""
    needs = {need["type"]: need["value"] for need in container.get("resourceRequirements") or ()}
    disk = (container.get("ephemeralStorage") or {}).get("sizeInGiB", 21)
    hosts = [volume.get("host") or {} for volume in container.get("volumes") or ()]
    for name in _NOT_THERE:
        if container.get(name):
            return f"{name} is not applicable for FARGATE"
    if not container.get("executionRoleArn"):
        return "executionRoleArn is required for FARGATE"
    if any("sourcePath" in host for host in hosts) or "GPU" in needs:
        return "neither host.sourcePath nor GPU is supported for FARGATE"
    if not _is_sold(int(needs.get("VCPU", 0)), int(needs.get("MEMORY", 0))):
        return f"the combination of vCPU and memory is not supported for FARGATE: {needs}"
    return "" if 21 <= disk <= 200 else f"ephemeralStorage of {disk} GiB is out of bounds"


def _is_sold(vcpus: int, mib: int) -> bool:
    least, most, step = _SIZES.get(vcpus, (1, 0, 1))
    memory, rest = divmod(mib, 1024)
    return not rest and least <= memory <= most and (memory - least) % step == 0
