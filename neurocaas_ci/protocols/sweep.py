"""Every combination of swept values through a chain, then one table; I/O is not handled here.

The parameter `sweep` of the job says, by step, which values to try:

    sweep: {first: {size: [8, 16]}, second: {threshold: [0.7, 0.8, 0.9]}}

A step is run once for each combination of the values that it and earlier steps are swept over, so
what does not differ is not computed twice: here `first` twice and `second` six times.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.planned_run import PlannedRun, run_id
from neurocaas_ci.model.registry import Job
from neurocaas_ci.protocols.bounds import UnfitJobError, bounded
from neurocaas_ci.protocols.parameters import effective

SWEEP = "sweep"
"""The parameter that holds the values to try."""
_FORM = f"write `{SWEEP}: {{step: {{parameter: [value, value]}}}}`"


def expand(blueprint: Blueprint, job: Job) -> tuple[PlannedRun, ...]:
    """Return the runs of all steps but the last, combination by combination, then the last step's.

    Combinations count from 1; values of earlier steps change more slowly, and within a step those of
    the parameter whose name is last in the alphabet change fastest. A run finds single values in its
    configuration and the outputs of earlier steps under `/inputs/steps/<step>/`; the last
    step finds the outputs of the one before it under `/inputs/combinations/<n>/`, and the sweep in
    its configuration. Without a sweep there is one combination.

    Raise UnfitJobError for a sweep that is none of this blueprint's, or over a parameter that the job
    gives as well, and TooManyRunsError for a huge number of runs.
    """
    *chain, table = blueprint.steps
    if not chain:
        raise ValueError("a sweep needs a step to be swept and a step that makes the table")
    values = effective(blueprint.parameters, job.parameters)
    axes = _axes(values.pop(SWEEP, {}), tuple(step.id for step in chain), job.parameters)
    widths = [math.prod(len(tried) for _, tried in axes[step.id]) for step in chain]
    count = len(job.datasets)
    bounded(count * (sum(itertools.accumulate(widths, lambda a, b: a * b)) + 1))
    runs: list[PlannedRun] = []
    for index in range(count):
        branches: list[_Branch] = [({}, {})]
        for step in chain:
            grown: list[_Branch] = []
            names = [name for name, _ in axes[step.id]]
            grid = list(itertools.product(*(tried for _, tried in axes[step.id])))
            digits = len(str(len(branches) * len(grid)))
            for swept, earlier in branches:
                for point in grid:
                    own = {**swept, **dict(zip(names, point, strict=True))}
                    label = f"{step.id}-c{len(grown) + 1:0{digits}d}"
                    run = PlannedRun(
                        run_id(index, count, label),
                        step.id,
                        index,
                        needs=dict(earlier),
                        parameters={**values, **own},
                    )
                    grown.append((own, {**earlier, f"steps/{step.id}": run.id}))
                    runs.append(run)
            branches = grown
        last = f"steps/{chain[-1].id}"
        needs = {f"combinations/{n}": ends[last] for n, (_, ends) in enumerate(branches, 1)}
        runs.append(PlannedRun(run_id(index, count, table.id), table.id, index, needs=needs))
    return tuple(runs)


_Branch = tuple[dict[str, Any], dict[str, str]]
"""Swept values so far, and the runs of earlier steps by the folder in which they appear."""


def _axes(
    sweep: Any, steps: tuple[str, ...], given: Mapping[str, Any]
) -> dict[str, list[tuple[str, list[Any]]]]:
    """Return for each step the swept parameters, in the order of the alphabet, with their values."""
    if not isinstance(sweep, Mapping):
        raise UnfitJobError(
            f"`{SWEEP}` must be a mapping of steps to parameters and their values", _FORM
        )
    unknown = sorted(set(sweep) - set(steps))
    if unknown:
        raise UnfitJobError(
            f"`{SWEEP}` names {unknown[0]!r}, but is over {', '.join(steps)}",
            f"name one of {', '.join(steps)}",
        )
    axes: dict[str, list[tuple[str, list[Any]]]] = {}
    seen: set[str] = set()
    for step in steps:
        axes[step] = []
        wanted = sweep.get(step, {})
        if not isinstance(wanted, Mapping):
            raise UnfitJobError(
                f"`{SWEEP}.{step}` must be a mapping of parameters to values", _FORM
            )
        for name in sorted(wanted):
            tried = wanted[name]
            if not isinstance(tried, list) or not tried:
                raise UnfitJobError(
                    f"`{SWEEP}.{step}.{name}` must be a list of values to try", _FORM
                )
            if name in given:
                raise UnfitJobError(
                    f"`{name}` is swept over, and given as well",
                    f"take it out of `parameters` or out of `parameters.{SWEEP}`",
                )
            if name in seen:
                raise UnfitJobError(
                    f"`{name}` is swept over twice", "sweep over it in one of the steps"
                )
            seen.add(name)
            axes[step].append((name, tried))
    return axes
