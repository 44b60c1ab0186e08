"""What a job can cost at most, shown before anything is written."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.cli.common import human_time, say
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.money import bound, show
from neurocaas_ci.model.registry import Job
from neurocaas_ci.plan.cost import StepCost, price_of, step_costs, total
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree


def show_cost(head: GitTree, blueprint: Blueprint, job: Job) -> None:
    """Say how many runs a job has, on what, and the most that they can cost in US dollars.

    Raise UsageError for hardware that the registry does not have.
    """
    registry = Registry(head)
    for step in blueprint.steps:
        identity = job.hardware.get(step.id, step.hardware)
        if registry.hardware(identity).value is None:
            raise UsageError(
                f"unknown hardware {identity!r}",
                where=f"step {step.id}",
                hint="`neurocaas hardware list` shows what there is",
            )
    costs = step_costs(blueprint, job, lambda name: registry.hardware(name).value) or ()
    for cost in costs:
        say(
            f"  {cost.runs} runs of step {cost.step} on {cost.hardware} at {show(cost.price)} "
            f"an hour (price of {cost.priced}), each at most {human_time(cost.seconds)}"
        )
    say(f"  {len(job.datasets)} datasets; the job costs at most {show(total(costs))}")
    for line in _elsewhere(registry, blueprint, job, costs):
        say(line)


def _elsewhere(
    registry: Registry, blueprint: Blueprint, job: Job, costs: tuple[StepCost, ...]
) -> Iterator[str]:
    """Say what each step could cost at most on the other hardware that it may use."""
    for cost in costs:
        prices = [
            f"{other} {show(bound(price_of(machine, job.pricing), cost.seconds, cost.runs))}"
            for other in blueprint.step(cost.step).hardware_allowed
            if other != cost.hardware and (machine := registry.hardware(other).value) is not None
        ]
        if prices:
            yield f"  step {cost.step} elsewhere, at most: {', '.join(prices)} (--hardware)"
