"""What GitHub says of a finished run: its conclusion, and the workflow_run event; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .act import Outcome
from .events import Source
from .run import Run
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


def completed(
    run: Run, source: Source, payload: Mapping[str, Any], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the payload of the event that follows; forks' pull requests are not listed in it."""
    full_name = facts["repository"]["full_name"]
    pulls = []
    if run.event == "pull_request" and source.head_repository == full_name:
        pull = payload["pull_request"]
        pulls = [{"number": payload["number"], "head": pull["head"], "base": pull["base"]}]
    return {
        **facts,
        "action": "completed",
        "workflow": {"name": run.name, "path": run.path},
        "workflow_run": {
            "id": run.id,
            "name": run.name,
            "path": run.path,
            "event": run.event,
            "status": "completed",
            "conclusion": run.conclusion,
            "head_sha": source.head,
            "head_branch": source.branch,
            "head_repository": {"full_name": source.head_repository},
            "repository": facts["repository"],
            "pull_requests": pulls,
            "run_attempt": 1,
        },
    }


def _may_fail(workflow: Workflow, job: str) -> bool:
    return job in workflow.jobs and workflow.jobs[job].may_fail
