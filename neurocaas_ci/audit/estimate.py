"""Estimate what a job will cost from what the same user's newest jobs of the same analysis used."""

from __future__ import annotations

from neurocaas_ci.audit.harvest import finished_jobs
from neurocaas_ci.certify import layout
from neurocaas_ci.model.money import Microdollars, bound
from neurocaas_ci.model.plan import PlannedStep
from neurocaas_ci.model.registry import Job
from neurocaas_ci.model.usage import FinishedJob
from neurocaas_ci.registry.git import GitTree

_MOST_READ = 40
_MICROSECONDS = 1_000_000


def expected_cost(
    tree: GitTree, job: Job, steps: tuple[PlannedStep, ...]
) -> tuple[Microdollars, int] | None:
    """Return the mean time of earlier runs at the prices of the job's steps, and how many they were.

    The newest 40 certificates of the user are looked at; what is not computed anew costs no time and
    does not count. None means that there is nothing to go by. The estimate is at most what the job
    can cost.
    """
    earlier = [found for found in _newest(tree, job.user) if _is_like(found, job)]
    runs = sum(found.runs for found in earlier)
    if not runs:
        return None
    mean = sum(found.compute for found in earlier) // runs
    whole, rest = divmod(mean, _MICROSECONDS)
    seconds = whole + (rest > 0)
    expected = sum(min(bound(s.price, seconds, s.runs), s.maximum) for s in steps)
    return Microdollars(expected), runs


def _newest(tree: GitTree, login: str) -> list[FinishedJob]:
    entries = tree.entries(f"{layout.FOLDER}/{login}")
    files = [(found, entry) for entry in entries if (found := layout.job_of(entry.path))]
    newest = sorted(files, key=lambda file: file[0].split("/")[1:], reverse=True)[:_MOST_READ]
    return list(finished_jobs(tree, newest, unreadable=lambda _path, _why: None))


def _is_like(found: FinishedJob, job: Job) -> bool:
    return found.analysis == job.blueprint and found.status == "succeeded" and found.compute > 0
