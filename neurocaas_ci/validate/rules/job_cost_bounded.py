"""NC-J010: a job stays within the bounds of its blueprint; I/O is not handled here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.registry import Job
from neurocaas_ci.model.units import format_duration
from neurocaas_ci.protocols import expand
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class JobCostBounded(Rule):
    """The greatest possible cost and time of a job are within the bounds of the blueprint.

    The greatest cost is the price per hour times `max_runtime` times the number of runs.

    Fix: submit fewer datasets at once, choose cheaper hardware, or lower `max_runtime`.
    """

    id = "NC-J010"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per job that may take too long or cost too much."""
        for job in context.jobs():
            blueprint = context.blueprint_of(job.value)
            if blueprint is None:
                continue
            longest = max(step.max_runtime for step in blueprint.steps)
            if job.value.max_runtime is not None and job.value.max_runtime > longest:
                yield self.finding(
                    job.document.locate(["max_runtime"]),
                    f"{blueprint.name} stops every run after {format_duration(longest)}",
                    f"write `max_runtime: {format_duration(longest)}` at most",
                )
            cost = _greatest_cost(context, blueprint, job.value)
            if cost is not None and cost > blueprint.limits.max_cost_usd:
                yield self.finding(
                    job.document.locate(["datasets"]),
                    f"the job may cost {cost:.2f} USD, more than the "
                    f"{blueprint.limits.max_cost_usd:.2f} USD that {blueprint.name} allows",
                    "split it, choose cheaper hardware, or lower `max_runtime`",
                )


def _greatest_cost(context: Context, blueprint: Blueprint, job: Job) -> float | None:
    """Return US dollars, or None when the job cannot be expanded (other rules say why)."""
    try:
        runs = Counter(run.step for run in expand(blueprint, job))
    except (LookupError, ValueError, TypeError):
        return None
    total = 0.0
    for step in blueprint.steps:
        machine = context.head.hardware(job.hardware.get(step.id, step.hardware)).value
        if machine is None:
            return None
        saves = job.pricing == "save" and machine.price_save is not None
        price = machine.price_save if saves else machine.price_standard
        seconds = min(step.max_runtime, job.max_runtime or step.max_runtime)
        total += (price or 0.0) * seconds / 3600 * runs[step.id]
    return total
