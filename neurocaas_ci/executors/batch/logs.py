"""What the worker of a run wrote before there was a record, as CloudWatch kept it."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.executors.batch.client import Batch
from neurocaas_ci.executors.batch.watch import task_id
from neurocaas_ci.executors.submissions import Submission


def worker_log(
    batch: Batch, submissions: tuple[Submission, ...], run: str, group: str
) -> Iterator[str]:
    """Yield the lines of every attempt of a run's newest submission, in order.

    Nothing when it was not submitted, has not started, or when Batch has forgotten it (after days).
    """
    mine = [one for one in submissions if run in one.runs and one.handle is not None]
    if not mine:
        return
    newest = mine[-1]
    name = task_id(newest, newest.runs.index(run))
    job = batch.describe([name]).get(name, {})
    containers = [a.get("container") or {} for a in job.get("attempts") or ()]
    # While an attempt is under way it is not among the attempts yet.
    containers.append(job.get("container") or {})
    streams = [str(c["logStreamName"]) for c in containers if c.get("logStreamName")]
    for stream in dict.fromkeys(streams):
        yield from batch.log(group, stream)
