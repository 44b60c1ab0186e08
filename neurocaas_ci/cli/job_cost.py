"""What a job can cost at most, shown before anything is written."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.cli.common import human_cost, human_time, say
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.registry import Job
from neurocaas_ci.protocols import expand
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree


def show_cost(head: GitTree, blueprint: Blueprint, job: Job) -> None:
    """Say how many runs a job has, on what, and the most that they can cost in US dollars.

    Raise UsageError for hardware that the registry does not have.
    """
    registry = Registry(head)
    runs = expand(blueprint, job)
    total = 0.0
    for step in blueprint.steps:
        count = sum(run.step == step.id for run in runs)
        identity = job.hardware.get(step.id, step.hardware)
        loaded = registry.hardware(identity)
        if loaded.value is None:
            raise UsageError(f"unknown hardware {identity!r}", where=f"step {step.id}")
        seconds = min(step.max_runtime, job.max_runtime or step.max_runtime)
        price = loaded.value.price_standard
        if job.pricing == "save" and loaded.value.price_save is not None:
            price = loaded.value.price_save
        total += count * seconds / 3600 * price
        say(
            f"  {count} runs of step {step.id} on {identity} at {human_cost(price)} an hour, "
            f"each at most {human_time(seconds)}"
        )
    say(f"  {len(job.datasets)} datasets; the job costs at most {human_cost(total)}")
    for line in _elsewhere(registry, blueprint, job):
        say(line)


def _elsewhere(registry: Registry, blueprint: Blueprint, job: Job) -> Iterator[str]:
    """Say what each step could cost at most on the other hardware that it may use."""
    for step in blueprint.steps:
        count = sum(run.step == step.id for run in expand(blueprint, job))
        hours = min(step.max_runtime, job.max_runtime or step.max_runtime) / 3600
        chosen = job.hardware.get(step.id, step.hardware)
        prices = [
            f"{other} {human_cost(count * hours * loaded.value.price_standard)}"
            for other in step.hardware_allowed
            if other != chosen and (loaded := registry.hardware(other)).value is not None
        ]
        if prices:
            yield f"  step {step.id} elsewhere, at most: {', '.join(prices)} (--hardware)"
