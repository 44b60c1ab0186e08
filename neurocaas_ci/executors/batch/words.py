"""What AWS Batch says of a job, in words for people, and what attempts cost; no I/O here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from neurocaas_ci.executors.interface import PlacementState

ENDED = frozenset({"SUCCEEDED", "FAILED"})
STATES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")

_HOUR = 3600.0
_REASONS = {
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE": (
        "it can never start: it asks for more than the compute environment may ever have; "
        "`neurocaas deploy` sets that, or choose smaller hardware"
    ),
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT": (
        "it can never start: no instance type of the queue has what it asks for; choose other "
        "hardware in the job"
    ),
    "MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS": (
        "it cannot start: the role of AWS Batch lacks rights; `neurocaas deploy --drift` says which"
    ),
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY": (
        "AWS has no such machine free now; it starts when there is one"
    ),
    "ACTION_REQUIRED": "AWS Batch waits for an operator",
}
_ENDS = {
    "Host EC2": "its machine was taken away (a reclaimed spot instance, or one that broke)",
    "Your Spot Task was interrupted": "its task was taken away (reclaimed by Fargate Spot)",
    "Job attempt duration exceeded": "it ran longer than its time limit allows",
    "Dependent Job failed": "a run that it waits for did not succeed",
    "CannotPull": "the worker's container image could not be pulled",
    "OutOfMemory": "the machine ran out of memory",
}


class Attempt(NamedTuple):
    """One attempt: where, from when to when (ms since epoch), how it ended, what it cost (USD).

    `instance` is what EC2 says of the machine, None where it says nothing.
    """

    machine: str
    started: int
    stopped: int
    exit_code: int | None
    reason: str
    cost_usd: float
    instance: Mapping[str, str] | None = None


def placement_state(status: str) -> PlacementState:
    """Return our word for a state of Batch."""
    if status in ENDED:
        return "ended"
    return "running" if status in {"STARTING", "RUNNING"} else "queued"


def waiting_reason(status: str, reason: str) -> str:
    """Say why a job has not started."""
    for start, words in _REASONS.items():
        if reason.startswith(start):
            return words
    if reason:
        return reason
    if status == "RUNNABLE":
        return "it waits for a free machine"
    return "it waits for the runs that it needs" if status == "PENDING" else "it was just submitted"


def ended_reason(job: Mapping[str, Any]) -> str:
    """Say how a job ended, from its description or its line in a list."""
    container = job.get("container") or {}
    status, detail = str(job.get("statusReason") or ""), str(container.get("reason") or "")
    said = "; ".join(text for text in (status, detail) if text)
    for start, words in _ENDS.items():
        if status.startswith(start) or detail.startswith(start):
            return f"{words} ({said})"
    for start, words in _REASONS.items():
        # The queue's limit for what cannot start has ended it (JobStateTimeLimitActions).
        if start in status:
            return f"{words} ({said})"
    code = container.get("exitCode")
    if code is not None:
        return f"the worker ended with exit code {code}" + (f" ({said})" if said else "")
    return said or "AWS Batch gives no reason"


def machine_of(container: Mapping[str, Any]) -> str:
    """Return the machine that a container ran on, by the last part of its name.

    On Fargate a task has a machine for itself, and no other name.
    """
    arn = container.get("containerInstanceArn") or container.get("taskArn") or ""
    return str(arn).rpartition("/")[2]


def task_facts(container: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Return what is known of the machine of a task of Fargate, from an attempt's container."""
    task = str(container.get("taskArn") or "")
    if not task or container.get("containerInstanceArn"):
        return None
    return {"id": task.rpartition("/")[2], "type": "fargate"}


def container_instances(jobs: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the ARNs of the container instances on which attempts of described jobs were."""
    attempts = (attempt for job in jobs for attempt in job.get("attempts") or ())
    arns = (str((a.get("container") or {}).get("containerInstanceArn") or "") for a in attempts)
    return set(filter(None, arns))


def instance_facts(instance: Mapping[str, Any]) -> dict[str, str]:
    """Return what tells one machine from another, from EC2's description of it."""
    launched = instance.get("LaunchTime")
    facts = {
        "id": instance.get("InstanceId"),
        "type": instance.get("InstanceType"),
        "zone": (instance.get("Placement") or {}).get("AvailabilityZone"),
        "ami": instance.get("ImageId"),
        "launched": launched.isoformat().replace("+00:00", "Z") if launched else None,
        "lifecycle": instance.get("InstanceLifecycle") or "on-demand",
    }
    return {name: str(value) for name, value in facts.items() if value}


def attempts_of(
    job: Mapping[str, Any], price: float, instances: Mapping[str, Mapping[str, str]] | None = None
) -> tuple[Attempt, ...]:
    """Return the attempts of a described job; `price` is US dollars per hour.

    Each attempt is paid from its start to its stop, also one that gave no result. `instances` is
    what is known of machines by the ARN of their container instance.
    """
    found: list[Attempt] = []
    for attempt in job.get("attempts") or ():
        container = attempt.get("container") or {}
        started = int(attempt.get("startedAt") or 0)
        stopped = int(attempt.get("stoppedAt") or 0)
        seconds = max(stopped - started, 0) / 1000 if started and stopped else 0.0
        reasons = (attempt.get("statusReason"), container.get("reason"))
        found.append(
            Attempt(
                machine=machine_of(container),
                started=started,
                stopped=stopped,
                exit_code=container.get("exitCode"),
                reason="; ".join(str(reason) for reason in reasons if reason),
                cost_usd=round(seconds / _HOUR * price, 6),
                instance=(instances or {}).get(str(container.get("containerInstanceArn") or ""))
                or task_facts(container),
            )
        )
    return tuple(found)
