"""Ask AWS Batch how the tasks of arrays stand, in as few calls as it allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from neurocaas_ci.executors.batch.words import (
    ENDED,
    STATES,
    ended_reason,
    placement_state,
    waiting_reason,
)
from neurocaas_ci.executors.interface import PlacementState
from neurocaas_ci.executors.submissions import Submission

# In these states a task needs no reason.
_PLAIN = ("RUNNING", "SUCCEEDED")

LOST = "AWS Batch does not know it any more"


class Standing(NamedTuple):
    """How one task stands: its id, its state with Batch, and why, in words."""

    id: str
    status: str
    reason: str

    @property
    def state(self) -> PlacementState:
        """Return our word for the state."""
        return placement_state(self.status)


Describe = Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]]
"""Return the descriptions of jobs by id; what Batch has forgotten is left out."""

ListTasks = Callable[[str, Iterable[str]], Iterable[Mapping[str, Any]]]
"""Return the lines of the tasks of an array that are in one of the states."""


def task_id(submission: Submission, task: int) -> str:
    """Return the id with Batch of one task; empty when the submission was not taken yet."""
    if submission.handle is None:
        return ""
    return submission.handle if len(submission.runs) == 1 else f"{submission.handle}:{task}"


class Watch:
    """Remember how arrays stood: the tasks of one of which no count has changed are not listed again.

    Nor are those of one whose tasks are all in a state that needs no reason.
    """

    def __init__(self, tasks: ListTasks, describe: Describe) -> None:
        self._list, self._describe = tasks, describe
        self._counts: dict[str, dict[str, int]] = {}
        self._tasks: dict[str, dict[str, Standing]] = {}

    def look(self, submissions: Iterable[Submission]) -> dict[str, Standing]:
        """Return by task id how the tasks of submissions stand; what Batch has forgotten is left out."""
        taken = {s.handle: s for s in submissions if s.handle is not None}
        found: dict[str, Standing] = {}
        # An array that has ended stays as it is.
        asked = [handle for handle in taken if not self._has_ended(handle)]
        described = self._describe(asked)
        for handle, submission in taken.items():
            if handle in described:
                self._take(described[handle], len(submission.runs))
            found.update(self._tasks.get(handle, {}))
        return found

    def _has_ended(self, handle: str) -> bool:
        tasks = self._tasks.get(handle)
        return bool(tasks) and all(task.status in ENDED for task in (tasks or {}).values())

    def _take(self, job: Mapping[str, Any], size: int) -> None:
        handle = job["jobId"]
        if size == 1:
            self._tasks[handle] = {handle: standing(job)}
            return
        counts = dict((job.get("arrayProperties") or {}).get("statusSummary") or {})
        if counts and self._counts.get(handle) == counts:
            return
        if (state := next((s for s in _PLAIN if counts.get(s) == size), None)) is not None:
            places = (f"{handle}:{k}" for k in range(size))
            self._tasks[handle] = {place: Standing(place, state, "") for place in places}
            self._counts[handle] = counts
            return
        known = self._tasks.get(handle, {})
        first = next((n for n, state in enumerate(STATES) if counts.get(state)), 0)
        # Tasks go on while they are listed, so later states are asked for too, and in their order:
        # what is seen twice is newer the second time. One that is tried again goes back, and can be
        # missed: it is there, for Batch knows its array.
        tasks = {
            f"{handle}:{k}": Standing(f"{handle}:{k}", "SUBMITTED", "") for k in range(size)
        } | known
        tasks |= {t["jobId"]: standing(t) for t in self._list(handle, STATES[first:])}
        self._tasks[handle] = tasks
        seen = [task.status for task in tasks.values()]
        if all(seen.count(state) == counts.get(state, 0) for state in STATES):
            self._counts[handle] = counts


def standing(job: Mapping[str, Any]) -> Standing:
    """Return how a task stands, from its description or its line in a list."""
    status = str(job["status"])
    reason = ""
    if status in ENDED:
        reason = "" if status == "SUCCEEDED" else ended_reason(job)
    elif placement_state(status) == "queued":
        reason = waiting_reason(status, str(job.get("statusReason") or ""))
    return Standing(str(job["jobId"]), status, reason)
