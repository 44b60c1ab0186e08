"""What is asked of Slurm for one job array: arguments of sbatch and the batch script; no I/O here."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from neurocaas_ci.executors.arrays import JobArray
from neurocaas_ci.model.registry import Pricing

_MIB = 1 << 20
# The worker itself, beside the workflow in its sandbox.
_OWN_MEMORY = 256 * _MIB
# Inputs are laid out and outputs stored outside the time that a workflow has.
_MARGIN_S = 15 * 60
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class SlurmOptions:
    """What a cluster wants to be told.

    `partitions` are by pricing (where none is named, the cluster's default), `gpus` by hardware id,
    `extra` further arguments of sbatch (an account, a quality of service). `environment` and
    `command` start `neurocaas` on a node; the path of a spec is added to the command.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    partitions: Mapping[Pricing, str] = field(default_factory=dict)
    gpus: Mapping[str, int] = field(default_factory=dict)
    extra: tuple[str, ...] = ()


def submission_name(job: str, step: str, token: str) -> str:
    """Return the name of an array in Slurm: readable, and by its token no other's."""
    return f"neurocaas-{_UNSAFE.sub('-', job.rpartition('/')[2])}-{_UNSAFE.sub('-', step)}-{token}"


def sbatch_arguments(
    array: JobArray,
    *,
    name: str,
    folder: str,
    max_parallel: int,
    pricing: Pricing,
    dependencies: Sequence[str],
    options: SlurmOptions,
) -> list[str]:
    """Return the arguments of sbatch; task k runs `<folder>/<k>.json` and logs to `<k>.out`."""
    spec, last = array.specs[0], len(array.specs) - 1
    limits = spec.limits
    # Slurm ends a job up to half a minute late and counts whole minutes.
    minutes = math.ceil((spec.max_runtime + _MARGIN_S) / 60)
    log = folder.replace("%", "%%") + "/%a.out"
    arguments = [
        "--parsable",
        f"--job-name={name}",
        f"--array=0-{last}%{min(max_parallel, last + 1)}",
        "--nodes=1",
        "--ntasks=1",
        f"--cpus-per-task={limits.cpus}",
        f"--mem={math.ceil((limits.memory + _OWN_MEMORY) / _MIB)}M",
        f"--time={minutes}",
        "--requeue",
        "--kill-on-invalid-dep=yes",
        # sbatch was given nothing but its own; the script says all that a worker needs.
        "--export=ALL",
        f"--chdir={folder}",
        f"--output={log}",
        "--open-mode=append",
    ]
    if partition := options.partitions.get(pricing):
        arguments.append(f"--partition={partition}")
    if gpus := options.gpus.get(spec.hardware, 0):
        arguments.append(f"--gres=gpu:{gpus}")
    if dependencies:
        arguments.append(f"--dependency={','.join(dependencies)}")
    return [*arguments, *options.extra]


def batch_script(folder: str, options: SlurmOptions) -> str:
    """Return the script of every task; `%a` stands for the number of the task (see `worker`)."""
    exports = [f"export {k}={shlex.quote(v)}" for k, v in sorted(options.environment.items())]
    command = shlex.join([*options.command, f"{folder}/%a.json"])
    # The token that sbatch may have been given is no node's business.
    return "\n".join(["#!/bin/sh", "unset SLURM_JWT", *exports, f"exec {command}", ""])


def dependencies(
    array: JobArray,
    arrays: Sequence[JobArray],
    handles: Sequence[str],
    under_way: Mapping[str, str],
) -> list[str]:
    """Return the dependencies of an array, as sbatch takes them.

    `handles` are those of the arrays that were submitted before, `under_way` the tasks, by run, of
    an earlier submission of the same job.

    Where tasks would wait for more than they need, they start after it in any case and judge for
    themselves: a failure that is none of theirs must not end them.
    """
    found: list[str] = []
    for after in array.after:
        handle = handles[after.array]
        earlier = {spec.run for spec in arrays[after.array].specs}
        if after.relation == "each":
            found.append(f"aftercorr:{handle}")
        elif all(earlier <= set(spec.needs.values()) for spec in array.specs):
            found.append(f"afterok:{handle}")
        else:
            found.append(f"afterany:{handle}")
    before = {
        under_way[run].partition("_")[0]
        for spec in array.specs
        for run in spec.needs.values()
        if run in under_way
    }
    return found + [f"afterany:{handle}" for handle in sorted(before)]
