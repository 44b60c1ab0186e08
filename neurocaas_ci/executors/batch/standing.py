"""How runs stand with AWS Batch: what was submitted, beside what Batch says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from neurocaas_ci.executors.batch.client import Batch
from neurocaas_ci.executors.batch.watch import LOST, Standing, Watch, task_id
from neurocaas_ci.executors.batch.words import machine_of
from neurocaas_ci.executors.interface import Placement
from neurocaas_ci.executors.submissions import Journal
from neurocaas_ci.stores.interface import StateStore

ENGINE = "aws-batch"
MACHINES_AT_ONCE = 100
"""Running tasks of which the machine is asked at once: as many as one call describes."""


def standing(state: StateStore, batch: Batch, job: str) -> Mapping[str, Placement]:
    """Return how the runs of a job stand that were submitted; empty when none was.

    Raise BackendUnavailableError when Batch does not answer.
    """
    journal = Journal(state, job, ENGINE)
    journal.load()
    places = newest(journal)
    tasks = Watch(batch.tasks, batch.describe).look(journal.submissions)

    def describe(running: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        return batch.describe(running[:MACHINES_AT_ONCE])

    return placements(places, journal, tasks, describe)


def newest(journal: Journal) -> dict[str, str]:
    """Return the newest id of each run."""
    return {
        run: task_id(one, task)
        for one in journal.submissions
        if one.handle is not None
        for task, run in enumerate(one.runs)
    }


def placements(
    runs: Iterable[str],
    journal: Journal,
    tasks: Mapping[str, Standing],
    describe: Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]],
) -> dict[str, Placement]:
    """Return how runs stand, by run; `describe` is asked on which machines the running ones are."""
    places, submitted = newest(journal), journal.attempts()
    mine = {run: tasks.get(places.get(run, "")) for run in runs}
    described = describe([task.id for task in mine.values() if task and task.state == "running"])
    found: dict[str, Placement] = {}
    for run, task in mine.items():
        if task is None:
            reason = LOST if run in places else ""
            found[run] = Placement(run, "ended", reason, handle=places.get(run, ""))
            continue
        job = described.get(task.id, {})
        number = submitted.get(run, 1) + len(job.get("attempts") or ())
        machine = machine_of(job.get("container") or {})
        found[run] = Placement(run, task.state, task.reason, machine, task.id, number)
    return found
