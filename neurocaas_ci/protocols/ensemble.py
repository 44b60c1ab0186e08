"""Replicas of one step per dataset, then a consensus (paper Fig. 8C); I/O is not handled here."""

from __future__ import annotations

from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.planned_run import PlannedRun, run_id
from neurocaas_ci.model.registry import Job
from neurocaas_ci.protocols.bounds import bounded
from neurocaas_ci.protocols.parameters import effective


def expand(blueprint: Blueprint, job: Job) -> tuple[PlannedRun, ...]:
    """Return the runs of the two steps: `replicas` times the first, then once the second.

    The number of replicas is the effective parameter `replicas`; replica k (from 0) finds k in its
    configuration, and the consensus finds its outputs under `/inputs/replicas/<k>/`.
    Raise ValueError when the parameter is missing, TooManyRunsError when it is huge.
    """
    member, consensus = blueprint.steps
    replicas = effective(blueprint.parameters, job.parameters).get("replicas")
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 1:
        raise ValueError("an ensemble needs an integer parameter `replicas` of at least 1")
    count = len(job.datasets)
    bounded(count * (replicas + 1))
    runs: list[PlannedRun] = []
    for index in range(count):
        members = [
            PlannedRun(run_id(index, count, f"{member.id}-r{k}"), member.id, index, replica=k)
            for k in range(replicas)
        ]
        needs = {f"replicas/{run.replica}": run.id for run in members}
        runs += members
        runs.append(
            PlannedRun(run_id(index, count, consensus.id), consensus.id, index, needs=needs)
        )
    return tuple(runs)
