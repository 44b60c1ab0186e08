"""How GitHub says that a run ended; pure."""

from __future__ import annotations

from .act import Outcome
from .workflow import Workflow


def conclusion(workflow: Workflow, outcome: Outcome) -> str:
    """Return how a run ended; a failed job that may fail does not count."""
    if outcome.ended.bound is not None:
        return "timed_out" if outcome.ended.bound == "time" else "failure"
    results = [
        job.result
        for job in outcome.output.jobs.values()
        if not _may_fail(workflow, job.caller or job.id)
    ]
    if "failure" in results:
        return "failure"
    return "skipped" if results and set(results) == {"skipped"} else "success"


def _may_fail(workflow: Workflow, job: str) -> bool:
    return job in workflow.jobs and workflow.jobs[job].may_fail
