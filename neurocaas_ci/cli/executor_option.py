"""The options that choose an executor, and what they need of the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import click

from neurocaas_ci.cli.common import say
from neurocaas_ci.errors import UsageError
from neurocaas_ci.executors.interface import Executor, Runs
from neurocaas_ci.executors.local import LocalExecutor
from neurocaas_ci.model.money import Microdollars
from neurocaas_ci.model.registry import ExecutorKind, Pricing
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.machine import available_memory
from neurocaas_ci.run.observer import MakeExecutor
from neurocaas_ci.stores.directory import DirectoryState

PARTITIONS, ARGUMENTS = "NEUROCAAS_SLURM_PARTITIONS", "NEUROCAAS_SLURM_ARGUMENTS"
# Jobs of one pass are looked at within this time of each other, and count as seen at once.
_FRESH_S = 2.0
# What programs are found by, and where things are kept; nothing else of a login reaches a node.
_LENT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "PYTHONPATH", "XDG_DATA_HOME")


executor_option = click.option(
    "--executor",
    type=click.Choice(list(get_args(ExecutorKind))),
    envvar="NEUROCAAS_EXECUTOR",
    show_envvar=True,
    help="Where runs are executed: here, on a Slurm cluster (docs/slurm.md), on AWS (docs/aws-batch.md).  [default: what registry/policy.yaml says, else local]",
)


def executor_options(command: Any) -> Any:
    """Add --executor and --wait to a command."""
    for option in (
        click.option(
            "--wait/--no-wait",
            default=True,
            help="Wait for runs that an engine has; without, take up what has ended.  [default: wait]",
        ),
        executor_option,
    ):
        command = option(command)
    return command


def executor_maker(
    kind: ExecutorKind,
    home: Home,
    head: GitTree,
    *,
    cpus: int,
    isolation: str,
    hold: Callable[[str, Microdollars], None] | None = None,
) -> MakeExecutor:
    """Return what makes an executor for each job; raise UsageError for odd settings."""
    if kind == "local":
        return lambda runs: LocalExecutor(runs, cpus=cpus, memory=available_memory(), ahead=1)
    if kind == "aws-batch":
        from neurocaas_ci.cli.batch_settings import batch_maker

        return batch_maker(home, head, isolation=isolation, hold=hold)
    from neurocaas_ci.executors.slurm import SlurmExecutor
    from neurocaas_ci.executors.slurm_client import GatheredSlurm
    from neurocaas_ci.executors.slurm_script import SlurmOptions

    state = home.state
    if not isinstance(state, DirectoryState):
        raise _no_shared_store()
    slurm = GatheredSlurm(fresh=_FRESH_S)
    options = SlurmOptions(
        command=(sys.executable, "-m", "neurocaas_ci.cli.main", "worker", "--isolation", isolation),
        environment=_environment(home),
        partitions=_partitions(os.environ.get(PARTITIONS, "")),
        gpus=_gpus(head),
        extra=_arguments(os.environ.get(ARGUMENTS, "")),
    )

    def make(runs: Runs) -> Executor:
        return SlurmExecutor(runs, slurm, state, options, encode=records.encode_spec, say=say)

    return make


def check_store(kind: ExecutorKind, store: str | None) -> None:
    """Raise UsageError for a store that the executor cannot work with, before it is asked for anything."""
    if kind == "slurm" and store is not None:
        raise _no_shared_store()


def _no_shared_store() -> UsageError:
    return UsageError(
        "nodes of Slurm share the home with this machine, and no store elsewhere",
        where="NEUROCAAS_STORE",
        hint="unset it, or use another executor",
    )


def _environment(home: Home) -> dict[str, str]:
    lent = {name: os.environ[name] for name in _LENT if name in os.environ}
    package = str(Path(__file__).resolve().parents[2])
    # The worker is this very program, wherever it was started from.
    lent["PYTHONPATH"] = os.pathsep.join(filter(None, [package, lent.get("PYTHONPATH", "")]))
    return {**lent, "NEUROCAAS_HOME": str(home.root), "NEUROCAAS_CACHE": str(home.cache)}


def _partitions(text: str) -> Mapping[Pricing, str]:
    """Read `standard=cpu,save=preempt`."""
    found: dict[Pricing, str] = {}
    for part in filter(None, text.split(",")):
        pricing, equals, name = part.partition("=")
        known = next((known for known in get_args(Pricing) if known == pricing.strip()), None)
        if known is None or not equals or not name.strip():
            raise UsageError(
                f"{part!r} names no partition",
                where=PARTITIONS,
                hint="write standard=NAME,save=NAME; either may be left out",
            )
        found[known] = name.strip()
    return found


def _arguments(text: str) -> tuple[str, ...]:
    import shlex  # of Slurm's options alone

    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(
            f"not arguments of sbatch: {error}",
            where=ARGUMENTS,
            hint="write them as on a command line, with every quote closed",
        ) from error


def _gpus(head: GitTree) -> dict[str, int]:
    """Return the number of GPUs of each hardware that has any."""
    registry = Registry(head)
    loaded = (registry.hardware(name).value for name in registry.hardware_ids())
    return {hardware.id: hardware.gpus for hardware in loaded if hardware and hardware.gpus}
