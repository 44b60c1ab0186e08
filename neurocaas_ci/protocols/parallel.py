"""One independent run per dataset (paper Fig. 8A); I/O is not handled here."""

from __future__ import annotations

from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.planned_run import PlannedRun, run_id
from neurocaas_ci.model.registry import Job


def expand(blueprint: Blueprint, job: Job) -> tuple[PlannedRun, ...]:
    """Return one run of the only step for each dataset, in the order of the job."""
    step = blueprint.steps[0].id
    count = len(job.datasets)
    return tuple(PlannedRun(run_id(i, count, step), step, dataset=i) for i in range(count))
