"""The port of engines on AWS Batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from neurocaas_ci.deploy.aws.session import Clients, pages, talking
from neurocaas_ci.model.cloud_names import PREFIX, TAG
from neurocaas_ci.model.deploy import EngineState

ALIVE = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
_READY = "VALID"
_CHANGING = {"CREATING", "UPDATING", "DELETING"}


class BatchEngines:
    """The queues that carry the name of the platform, and the environments that carry its tag."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def states(self) -> Sequence[EngineState]:
        """Return every queue and compute environment that is ours."""
        with talking("AWS Batch"):
            return [
                EngineState(_name(entry), _state(entry), str(entry.get("statusReason", "")))
                for entries in (environments(self._clients), queues(self._clients))
                for entry in entries
            ]

    def busy(self, names: Sequence[str]) -> Mapping[str, int]:
        """Return, by queue, how many jobs have not ended."""
        with talking("AWS Batch"):
            # One that somebody deleted by hand has no jobs.
            there = {queue["jobQueueName"] for queue in queues(self._clients)}
            counts = {name: len(jobs(self._clients, name)) for name in names if name in there}
        return {name: count for name, count in counts.items() if count}


def environments(clients: Clients) -> list[dict[str, Any]]:
    """Return our compute environments as Batch describes them."""
    api = clients.get("batch")
    found = pages(api, "describe_compute_environments", "computeEnvironments")
    return [entry for entry in found if entry.get("tags", {}).get(TAG) == "environment"]


def queues(clients: Clients) -> list[dict[str, Any]]:
    """Return our job queues as Batch describes them."""
    found = pages(clients.get("batch"), "describe_job_queues", "jobQueues")
    return [queue for queue in found if queue["jobQueueName"].startswith(f"{PREFIX}-")]


def jobs(clients: Clients, queue: str) -> list[dict[str, Any]]:
    """Return the jobs of a queue that have not ended, as Batch lists them."""
    api = clients.get("batch")
    return [
        job
        for status in ALIVE
        for job in pages(api, "list_jobs", "jobSummaryList", jobQueue=queue, jobStatus=status)
    ]


def _name(entry: dict[str, Any]) -> str:
    name = entry.get("tags", {}).get("Name") or entry.get("jobQueueName")
    return str(name or entry["computeEnvironmentName"])


def _state(entry: dict[str, Any]) -> Literal["ready", "changing", "broken", "off"]:
    if entry.get("state") == "DISABLED":
        return "off"
    status = entry.get("status", _READY)
    if status == _READY:
        return "ready"
    return "changing" if status in _CHANGING else "broken"
