"""What Slurm's words for the state of a job mean to us and to people; no I/O here."""

from __future__ import annotations

from typing import Final

from neurocaas_ci.executors.interface import PlacementState

NEVER_STARTS: Final = "DependencyNeverSatisfied"

_QUEUED = {
    "PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD",
    "SPECIAL_EXIT",
}  # fmt: skip
_RUNNING = {
    "RUNNING", "COMPLETING", "RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED", "SUSPENDED",
}  # fmt: skip

_WAITS = {
    "": "waits to be looked at by the scheduler",
    "None": "waits to be looked at by the scheduler",
    "Resources": "waits for free processors or memory",
    "Priority": "other jobs are before it",
    "Dependency": "waits for runs that it needs",
    "JobArrayTaskLimit": "as many runs of the job as it allows are under way",
    "BeginTime": "was requeued and starts again in a moment",
    "JobHeldUser": "held by its user; `scontrol release` lets it go",
    "JobHeldAdmin": "held by an administrator",
    "launch failed requeued held": "could not be started on its node; `scontrol release` tries again",
    "JobLaunchFailure": "could not be started on its node",
    "ReqNodeNotAvail": "the nodes that could run it are down, drained or reserved",
    "PartitionDown": "its partition is down",
    "PartitionInactive": "its partition takes no jobs now",
    "PartitionTimeLimit": "asks for more time than its partition allows",
    "PartitionNodeLimit": "asks for more than its partition has",
    "PartitionConfig": "asks for what its partition does not allow",
    "BadConstraints": "no node fits what it asks for",
    "NodeDown": "the node that it needs is down",
    "Licenses": "waits for a licence",
    "QOSMaxJobsPerUserLimit": "the user has as many jobs as the quality of service allows",
    "AssocMaxJobsLimit": "the account has as many jobs as it may have",
    NEVER_STARTS: "a run that it needs did not succeed",
}

_ENDED = {
    "COMPLETED": "ended",
    "FAILED": "the worker failed",
    "TIMEOUT": "ended by Slurm at its time limit",
    "CANCELLED": "cancelled in Slurm",
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node did not start",
    "PREEMPTED": "preempted by another job",
    "OUT_OF_MEMORY": "ended by Slurm, which saw it use more memory than it asked for",
    "DEADLINE": "ended by Slurm at its deadline",
    "REVOKED": "withdrawn from this cluster",
}

LOST: Final = "Slurm does not know it any more"


def first_word(word: str) -> str:
    """Return the state without what sacct says beside it, e.g. `CANCELLED by 0`."""
    return word.partition(" ")[0].rstrip("+")


def placement_state(word: str, reason: str) -> PlacementState:
    """Return how a task stands whose state is `word`, e.g. `RUNNING` or `CANCELLED by 0`."""
    first = first_word(word)
    if first in _RUNNING:
        return "running"
    # Where a cluster does not end it, such a task would stay in the queue for ever.
    return "queued" if first in _QUEUED and reason != NEVER_STARTS else "ended"


def in_words(word: str, reason: str) -> str:
    """Say in words why a queued task waits or how one ended; Slurm's own word stands beside it."""
    first = first_word(word)
    if first in _RUNNING:
        return ""
    if first in _QUEUED:
        plain = reason.strip("()").partition(",")[0]
        said = _WAITS.get(plain)
        return f"{said} ({plain})" if said and plain not in {"", "None"} else said or plain
    return f"{_ENDED[first]} ({first})" if first in _ENDED else first
