"""Which run of an array a worker is: the number that the engine gave its task; no I/O here."""

from __future__ import annotations

from collections.abc import Mapping

from neurocaas_ci.errors import UsageError

MARK = "%a"
_VARIABLES = ("SLURM_ARRAY_TASK_ID", "AWS_BATCH_JOB_ARRAY_INDEX")


def of_task(spec: str, environment: Mapping[str, str]) -> str:
    """Return the spec of this task: `%a` becomes its number, counted from 0.

    Only the last part of the path is looked at. Raise UsageError when no engine gave a number.
    """
    folder, slash, name = spec.rpartition("/")
    if MARK not in name:
        return spec
    for variable in _VARIABLES:
        number = environment.get(variable, "")
        if number.isascii() and number.isdigit():
            return f"{folder}{slash}{name.replace(MARK, number)}"
    raise UsageError(
        f"{MARK} stands for the number of an array's task, and there is none",
        where=spec,
        hint=f"an engine sets {' or '.join(_VARIABLES)}; name a spec without {MARK} elsewhere",
    )
