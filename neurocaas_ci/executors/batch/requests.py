"""What AWS Batch is asked for: names, job definitions, submissions; I/O is not handled here.

A job definition is named by the digest of its content and never changed: jobs that wait keep what
they were submitted with, and thousands of jobs share a handful of definitions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurocaas_ci.executors.arrays import JobArray
from neurocaas_ci.executors.batch import fargate
from neurocaas_ci.executors.batch.rights import stream_prefix
from neurocaas_ci.model.digest import canonical_json, sha256_bytes
from neurocaas_ci.model.registry import Hardware
from neurocaas_ci.model.run import IsolationLevel

MAX_ARRAY = 10_000
"""Tasks that one array of AWS Batch can have."""
MAX_DEPENDENCIES = 20
"""Dependencies that one job of AWS Batch can have."""

_MIN_TIMEOUT = 60
_MARGIN = 600
_MIB = 1 << 20
_FOR_JOBS = 0.92
_NAME = 100
_DIGITS = 10
_PREFIX = "neurocaas"
_MACHINE_FOLDER = "/var/lib/neurocaas-machine"

RETRIES: Mapping[str, Any] = {
    "attempts": 3,
    # A reclaimed or broken machine, and a registry that did not answer: the run is not to blame.
    # Everything else the worker has recorded, and a second attempt would only cost.
    "evaluateOnExit": [
        {"onStatusReason": "Host EC2*", "action": "RETRY"},
        # The role of a job is made just before it; IAM tells all of AWS within seconds, mostly.
        {"onStatusReason": "ECS was unable to assume the role*", "action": "RETRY"},
        {"onReason": "CannotPull*", "action": "RETRY"},
        {"onReason": "*", "action": "EXIT"},
    ],
}

TASK_RETRIES: Mapping[str, Any] = {
    **RETRIES,
    "evaluateOnExit": [dict(fargate.INTERRUPTED), *RETRIES["evaluateOnExit"][1:]],
}
"""The same for tasks of Fargate, which have no host that could be lost."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What jobs of one platform have in common.

    `image` is the worker's container image (by digest), `role` the ARN of the role that jobs have,
    `store` the address of the store, which workers open; `variables` are further environment
    variables of the worker. With isolation `none` the worker runs workflows without a sandbox; on
    Fargate there is no sandbox; `task_isolation` says what the operator accepts there instead, and
    `execution_role` is the ARN of the role that pulls images and writes logs. `limit` is the ARN of the
    consumable resource that bounds how many runs of a job go on at once, `cell` the part of the store
    that the workers of a job reach, where it has one of its own.
    """

    image: str
    role: str
    store: str
    log_group: str
    isolation: str = "sandbox"
    variables: tuple[tuple[str, str], ...] = ()
    execution_role: str = ""
    task_isolation: IsolationLevel | None = None
    limit: str = ""
    cell: str = ""

    @property
    def of_tasks(self) -> IsolationLevel | None:
        """Return how workflows are isolated in tasks of Fargate; None where they may not run."""
        return self.task_isolation or ("none" if self.isolation == "none" else None)


def job_name(store: str, job: str, number: int) -> str:
    """Return the name of the array that a job submits as its `number`th, the same whoever asks.

    Batch compares names without regard to case; the digest tells apart what looks alike, and the
    jobs of two stores in one account.
    """
    plain = re.sub(r"[^a-z0-9-]+", "-", job.lower()).strip("-")[:_NAME]
    return f"{plain or 'job'}-{_digest([store, job])}-{number}"


def job_definition(
    settings: Settings, hardware: Hardware, user: str, disk: int = 0
) -> dict[str, Any]:
    """Return the request that registers the definition of a user's jobs on one hardware type.

    `disk` is the storage of a task of Fargate in GiB.
    """
    serverless = hardware.launch == "fargate"
    isolation = settings.of_tasks or "sandbox" if serverless else settings.isolation
    command = ["neurocaas", "worker", "--isolation", isolation, "Ref::spec"]
    variables = {**dict(settings.variables), "NEUROCAAS_STORE": settings.store}
    if settings.cell:
        variables["NEUROCAAS_CELL"] = settings.cell
    if not serverless:
        variables["NEUROCAAS_MACHINE_FOLDER"] = _MACHINE_FOLDER
    content: dict[str, Any] = {
        "type": "container",
        "platformCapabilities": ["FARGATE" if serverless else "EC2"],
        "propagateTags": True,
        "tags": {"neurocaas": "job", "neurocaas-user": user},
        "retryStrategy": dict(TASK_RETRIES if serverless else RETRIES),
        "containerProperties": {
            "image": settings.image,
            "command": command,
            "jobRoleArn": settings.role,
            "environment": [{"name": k, "value": v} for k, v in sorted(variables.items())],
            **(
                fargate.container(hardware, settings.execution_role, disk)
                if serverless
                else _on_instance(hardware, isolation)
            ),
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": settings.log_group,
                    "awslogs-stream-prefix": stream_prefix(user, settings.cell),
                },
            },
        },
    }
    name = f"{_PREFIX}-{hardware.id.replace('.', '-')}-{_digest(content)}"
    return {"jobDefinitionName": name, **content}


def _on_instance(hardware: Hardware, isolation: str) -> dict[str, Any]:
    needs = [
        # All processors of the machine: no second job is placed beside this one.
        {"type": "VCPU", "value": str(hardware.vcpus)},
        {"type": "MEMORY", "value": str(usable_memory(hardware))},
    ]
    if hardware.gpus:
        needs.append({"type": "GPU", "value": str(hardware.gpus)})
    return {
        "resourceRequirements": needs,
        # What lives and dies with the machine's disk, so that a worker can tell a first use.
        "volumes": [{"name": "machine", "host": {"sourcePath": _MACHINE_FOLDER}}],
        "mountPoints": [{"sourceVolume": "machine", "containerPath": _MACHINE_FOLDER}],
        # The sandbox makes namespaces and control groups of its own inside the container.
        "privileged": isolation == "sandbox",
    }


def usable_memory(hardware: Hardware) -> int:
    """Return the MiB of a machine that a job can ask for; the system and its agent keep the rest."""
    return int(hardware.memory * _FOR_JOBS) // _MIB


def timeout(max_runtime: int) -> int:
    """Return after how many seconds Batch ends an attempt that the worker should have ended."""
    return max(max_runtime + _MARGIN, _MIN_TIMEOUT)


def submission(
    array: JobArray,
    name: str,
    queue: str,
    definition: str,
    folder: str,
    needed: Sequence[str],
    limit: str = "",
) -> dict[str, Any]:
    """Return the request that submits one array.

    `folder` is the state key below which task k has its spec `k.json`; `needed` are the ids of the
    arrays of `array.after`, then those of further jobs that all tasks wait for. Raise ValueError
    when these are more than Batch takes.
    """
    if len(needed) > MAX_DEPENDENCIES:
        raise ValueError(f"{len(needed)} dependencies, and a job can have {MAX_DEPENDENCIES}")
    several = len(array.specs) > 1
    depends: list[dict[str, str]] = []
    for number, other in enumerate(needed):
        each = number < len(array.after) and array.after[number].relation == "each"
        depends.append({"jobId": other, "type": "N_TO_N"} if each and several else {"jobId": other})
    request: dict[str, Any] = {
        "jobName": name,
        "jobQueue": queue,
        "jobDefinition": definition,
        "parameters": {"spec": f"state:{folder}/{'%a' if several else '0'}.json"},
        "timeout": {"attemptDurationSeconds": timeout(array.specs[0].max_runtime)},
        "dependsOn": depends,
    }
    if limit:
        # Each task of an array takes one, whatever array and machine it is of.
        held = {"consumableResource": limit, "quantity": 1}
        request["consumableResourcePropertiesOverride"] = {"consumableResourceList": [held]}
    if several:
        request["arrayProperties"] = {"size": len(array.specs)}
    return request


def _digest(content: Any) -> str:
    return sha256_bytes(canonical_json(content))[:_DIGITS]
