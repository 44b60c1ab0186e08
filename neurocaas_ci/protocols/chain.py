"""Every dataset goes through all steps in order (paper Fig. 8B); I/O is not handled here."""

from __future__ import annotations

from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.planned_run import PlannedRun, run_id
from neurocaas_ci.model.registry import Job
from neurocaas_ci.protocols.bounds import bounded


def expand(blueprint: Blueprint, job: Job) -> tuple[PlannedRun, ...]:
    """Return the runs of each dataset; a step sees the outputs of all earlier ones.

    They appear under `/inputs/steps/<step>/`. Raise TooManyRunsError for a huge number of runs.
    """
    count = len(job.datasets)
    bounded(count * len(blueprint.steps))
    runs: list[PlannedRun] = []
    for index in range(count):
        earlier: dict[str, str] = {}
        for step in blueprint.steps:
            run = PlannedRun(run_id(index, count, step.id), step.id, index, needs=dict(earlier))
            earlier[f"steps/{step.id}"] = run.id
            runs.append(run)
    return tuple(runs)
