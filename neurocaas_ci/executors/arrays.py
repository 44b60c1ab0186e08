"""Cut the runs of a job into job arrays with dependencies between whole arrays; no I/O here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from neurocaas_ci.model.run import RunSpec

Relation = Literal["each", "all"]


class After(NamedTuple):
    """A dependency: `each` task on the task of the same number, or every task on `all` of them."""

    array: int
    relation: Relation


class JobArray(NamedTuple):
    """Runs of one step that an engine takes as one array; task k is `specs[k]`, counted from 0.

    `after` names earlier arrays by their position. An array of one run is an ordinary job.
    """

    step: str
    specs: tuple[RunSpec, ...]
    after: tuple[After, ...]


def job_arrays(specs: Sequence[RunSpec], max_size: int) -> tuple[JobArray, ...]:
    """Return arrays of at most `max_size` tasks, each after those that it depends on.

    A run that is needed but not among the specs has ended and is no dependency. Where each task of
    an array needs just the task of the same number of an earlier one, the relation is `each`;
    otherwise every task waits for all tasks of the earlier array, which is never too early.

    Runs are grouped by step, by what they ask of a machine and by the arrays of the runs that they
    need, so that two steps of one chain are cut at the same places.
    """
    arrays: list[JobArray] = []
    place: dict[str, tuple[int, int]] = {}
    waiting = list(specs)
    present = {spec.run for spec in waiting}
    while waiting:
        ready = [
            s for s in waiting if all(r in place or r not in present for r in s.needs.values())
        ]
        if not ready:
            raise ValueError("the runs need each other in a circle")
        groups: dict[object, list[RunSpec]] = {}
        for spec in ready:
            sources = frozenset(place[r][0] for r in spec.needs.values() if r in place)
            key = (spec.step, spec.hardware, spec.limits, spec.max_runtime, sources)
            groups.setdefault(key, []).append(spec)
        found: dict[str, tuple[int, int]] = {}
        for group in groups.values():
            for start in range(0, len(group), max_size):
                part = tuple(group[start : start + max_size])
                for task, spec in enumerate(part):
                    found[spec.run] = (len(arrays), task)
                arrays.append(JobArray(part[0].step, part, _after(part, place, arrays)))
        place.update(found)
        waiting = [spec for spec in waiting if spec.run not in place]
    return tuple(arrays)


def _after(
    part: tuple[RunSpec, ...], place: dict[str, tuple[int, int]], arrays: Sequence[JobArray]
) -> tuple[After, ...]:
    needed = [{place[r] for r in spec.needs.values() if r in place} for spec in part]
    after: list[After] = []
    for array in sorted({array for tasks in needed for array, _ in tasks}):
        of_it = [{task for number, task in tasks if number == array} for tasks in needed]
        aligned = len(arrays[array].specs) == len(part) and all(
            tasks == {task} for task, tasks in enumerate(of_it)
        )
        after.append(After(array, "each" if aligned else "all"))
    return tuple(after)
