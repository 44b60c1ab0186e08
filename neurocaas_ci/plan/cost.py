"""What a job can cost at most, from the dated prices of the resource bank; I/O is not handled here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.money import ZERO, Microdollars, bound, microdollars
from neurocaas_ci.model.registry import Hardware, Job, Pricing
from neurocaas_ci.named import NamedTuple
from neurocaas_ci.protocols import expand

HardwareOf = Callable[[str], Hardware | None]


class StepCost(NamedTuple):
    """The runs of one step: on what, each for how many seconds at most, at which price per hour.

    `priced` is the day on which that price was looked up.
    """

    step: str
    hardware: str
    runs: int
    seconds: int
    price: Microdollars
    priced: str

    @property
    def maximum(self) -> Microdollars:
        """Return the most that all runs of the step cost."""
        return bound(self.price, self.seconds, self.runs)


def step_costs(
    blueprint: Blueprint, job: Job, hardware_of: HardwareOf
) -> tuple[StepCost, ...] | None:
    """Return the bound of each step, or None for a job that cannot be expanded or placed."""
    try:
        runs = Counter(run.step for run in expand(blueprint, job))
    except (LookupError, ValueError, TypeError, AttributeError):
        return None
    found = []
    for step in blueprint.steps:
        machine = hardware_of(job.hardware.get(step.id, step.hardware))
        if machine is None:
            return None
        seconds = min(step.max_runtime, job.max_runtime or step.max_runtime)
        price = price_of(machine, job.pricing)
        found.append(StepCost(step.id, machine.id, runs[step.id], seconds, price, machine.date))
    return tuple(found)


def price_of(machine: Hardware, pricing: Pricing) -> Microdollars:
    """Return the price per hour; `save` on hardware without such a price costs the standard one."""
    if pricing == "save" and machine.price_save is not None:
        return microdollars(machine.price_save)
    return microdollars(machine.price_standard)


def total(costs: tuple[StepCost, ...]) -> Microdollars:
    """Return the most that a job costs."""
    return Microdollars(sum((cost.maximum for cost in costs), ZERO))
