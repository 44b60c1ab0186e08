"""What AWS Batch is asked for where it starts tasks of Fargate, not instances; no I/O here.

A task has a kernel, a disk and a network interface of its own, and ends with its job. No container in
it can be privileged ("Job definitions on Fargate" in the AWS Batch user guide), and its kernel makes no
user namespaces, so that bubblewrap cannot work there (aws/containers-roadmap#2102). Its root has the usual
capabilities of a container, SYS_CHROOT among them, so that a run can be confined by chroot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.model.fargate import DISKS, GIB, LONGEST, disk_for, is_size, sizes
from neurocaas_ci.model.registry import Hardware
from neurocaas_ci.model.run import IsolationLevel, RunSpec

CONSENTS: Mapping[str, IsolationLevel] = {"chroot": "chroot", "unsandboxed": "none"}
"""How the operator says that workflows may run in such a task without a sandbox, and how they do."""
SETTING = "NEUROCAAS_BATCH_FARGATE"
"""The variable in which that is said."""

_MIB = 1 << 20
# The worker's image, the environment as a blob and unpacked, the system: as in deploy.bank.
_SYSTEM = 30 * 10**9

INTERRUPTED: Mapping[str, str] = {"onStatusReason": "Your Spot Task was*", "action": "RETRY"}
"""The rule for a task of Fargate Spot that AWS has taken back."""


def check_task(
    spec: RunSpec, machine: Hardware, *, accepted: bool, execution_role: str, longest: int
) -> None:
    """Raise UsageError or BackendUnavailableError when a run cannot be a task of Fargate.

    `accepted` says that it may run there without a sandbox, `longest` is after how many seconds Batch is
    told to end it.
    """
    where = f"{spec.job}#{spec.run}"
    if not accepted:
        raise UsageError(
            f"{machine.id} is a task of Fargate, where no workflow can be sandboxed",
            where=where,
            hint="choose an instance type in the job; or, where a kernel of its own and a chroot are "
            f"isolation enough for your workflows, set {SETTING}=chroot: docs/aws-batch.md",
        )
    if not execution_role:
        raise UsageError(
            "a task of Fargate needs a role that pulls its image and writes its log",
            where=where,
            hint="set NEUROCAAS_BATCH_EXECUTION_ROLE to its ARN; with NEUROCAAS_GROUP it is known",
        )
    if machine.gpus or not is_size(machine.vcpus, machine.memory):
        raise BackendUnavailableError(
            f"Fargate has no task like {machine.id}; it offers {sizes(machine.vcpus)}, and no GPU",
            where=where,
            hint="correct the hardware file: `neurocaas explain NC-H003`",
        )
    if longest > LONGEST:
        raise BackendUnavailableError(
            f"Batch ends a task of Fargate after {LONGEST} seconds, the run may take {longest}",
            where=where,
            hint="lower max_runtime, or choose an instance type",
        )
    disk_of([spec])


def disk_of(specs: Iterable[RunSpec]) -> int:
    """Return the GiB of storage that each task of an array gets; raise BackendUnavailableError.

    What a run needs of earlier ones is not known in advance, so their limits count.
    """
    most = 0
    for spec in specs:
        limits = spec.limits
        size = _SYSTEM + sum(file.size for file in spec.inputs)
        size += (1 + len(spec.needs)) * limits.output_size + limits.tmp_size + limits.log_size
        most = max(most, size)
        if disk_for(size) is None:
            raise BackendUnavailableError(
                f"the run needs {size / GIB:.0f} GiB of disk, a task of Fargate has {DISKS[-1]}",
                where=f"{spec.job}#{spec.run}",
                hint="choose an instance type, or lower `limits` of the step",
            )
    return disk_for(most) or DISKS[-1]


def container(machine: Hardware, execution_role: str, disk: int) -> dict[str, Any]:
    """Return what the container of a task has besides image, command, role, variables and log."""
    return {
        "executionRoleArn": execution_role,
        # Exactly a size that is sold: nothing else is placed beside it, so nothing is kept back.
        "resourceRequirements": [
            {"type": "VCPU", "value": str(machine.vcpus)},
            {"type": "MEMORY", "value": str(machine.memory // _MIB)},
        ],
        "ephemeralStorage": {"sizeInGiB": disk},
        "fargatePlatformConfiguration": {"platformVersion": "1.4.0"},
        "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"},
        # The subnets of the foundation are public and have no NAT: without an address of its own a
        # task would reach neither the registry of images nor the log service.
        "networkConfiguration": {"assignPublicIp": "ENABLED"},
    }
