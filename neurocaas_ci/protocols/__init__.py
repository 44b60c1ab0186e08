"""Job managers: how a job becomes runs; I/O is not handled here.

A protocol is a module of this package with `expand(blueprint, job) -> tuple[PlannedRun, ...]`,
a pure function: the same job always gives the same runs in the same order.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable

from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.planned_run import PlannedRun
from neurocaas_ci.model.registry import Job

Expand = Callable[[Blueprint, Job], tuple[PlannedRun, ...]]

HELPERS = frozenset({"bounds", "parameters"})
"""Modules of this package that are no protocols."""


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of all shipped protocols, sorted."""
    import pkgutil  # to expand a job nobody has to look at all of them

    found = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in found if name not in HELPERS))


def expand(blueprint: Blueprint, job: Job) -> tuple[PlannedRun, ...]:
    """Expand a job by its blueprint's protocol; raise LookupError for an unknown protocol."""
    return _expander(blueprint.protocol)(blueprint, job)


@functools.cache
def _expander(protocol: str) -> Expand:
    name = f"{__name__}.{protocol}"
    if protocol.isidentifier() and protocol not in HELPERS:
        try:
            expander: Expand = importlib.import_module(name).expand
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
        else:
            return expander
    raise LookupError(f"no protocol named {protocol!r}")
