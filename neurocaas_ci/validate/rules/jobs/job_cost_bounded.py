"""NC-J010: a job stays within the bounds of its blueprint; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.money import microdollars, show
from neurocaas_ci.model.units import format_duration
from neurocaas_ci.plan.cost import step_costs, total
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
            costs = step_costs(blueprint, job.value, lambda name: context.head.hardware(name).value)
            cost = None if costs is None else total(costs)
            if cost is not None and cost > microdollars(blueprint.limits.max_cost_usd):
                yield self.finding(
                    job.document.locate(["datasets"]),
                    f"the job may cost {show(cost)}, more than the "
                    f"{show(microdollars(blueprint.limits.max_cost_usd))} that {blueprint.name} allows",
                    "split it, choose cheaper hardware, or lower `max_runtime`",
                )
