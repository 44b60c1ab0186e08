"""Which blueprint says with what an environment's sample is run."""

from __future__ import annotations

from neurocaas_ci.model.blueprint import Blueprint, Step
from neurocaas_ci.registry import Registry


def user_of(registry: Registry, iae: str) -> tuple[Blueprint, Step] | None:
    """Return the first blueprint that uses the environment, and the step."""
    for name in registry.blueprints():
        blueprint = registry.blueprint(name).value
        for step in blueprint.steps if blueprint else ():
            if blueprint is not None and step.iae == iae:
                return blueprint, step
    return None
