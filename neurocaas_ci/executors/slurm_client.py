"""Slurm through its own commands, in formats that have not changed for many versions."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.executors.gathering import Gathering

_SECONDS = 120
_SEPARATOR = "|"
_TASK = re.compile(r"(\d+)_(\d+)")
_MAX_ARRAY = re.compile(r"^MaxArraySize\s*=\s*(\d+)", re.MULTILINE)
_ACCOUNTING = re.compile(r"^AccountingStorageType\s*=\s*(\S+)", re.MULTILINE)
# What sbatch itself needs of its caller's environment, beside what is Slurm's own.
_LENT = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH"})
_OWN = ("SLURM_", "SBATCH_")
# Ids of several thousand arrays would not fit on one command line.
_AT_ONCE = 500


class Task(NamedTuple):
    """How one task of an array stands, in Slurm's words."""

    handle: str
    word: str
    reason: str
    node: str


class Slurm(Protocol):
    """What is asked of Slurm; raise BackendUnavailableError when it does not answer or refuses."""

    def max_array_size(self) -> int:
        """Return how many tasks an array may have."""
        ...

    def submit(self, arguments: Sequence[str], script: str, keep: int | None) -> str:
        """Submit an array and return its id; `keep` is a descriptor that sbatch holds open."""
        ...

    def find(self, name: str) -> str | None:
        """Return the id of the array with this name, or None when there never was one."""
        ...

    def tasks(self, arrays: Collection[str]) -> dict[str, Task]:
        """Return the tasks of the arrays, by handle (`<array>_<number>`), as far as known."""
        ...

    def cancel(self, handles: Sequence[str]) -> None:
        """End arrays or tasks; those that have ended are none of its business."""
        ...


class SlurmCommands:
    """Slurm by sbatch, squeue, sacct, scontrol and scancel.

    Without accounting, what has ended is known for as long as the controller remembers it
    (MinJobAge, five minutes by default).
    """

    def __init__(self) -> None:
        self._settings: str | None = None

    def max_array_size(self) -> int:
        """Return how many tasks an array may have: their numbers stay below MaxArraySize."""
        found = _MAX_ARRAY.search(self._configuration())
        return max(1, int(found[1])) if found else 1000

    def submit(self, arguments: Sequence[str], script: str, keep: int | None) -> str:
        """Submit an array and return its id."""
        lent = submitters_environment(os.environ)
        output = _call(["sbatch", *arguments], text=script, keep=keep, environment=lent)
        # On a federation it is `<id>;<cluster>`. A site's own sbatch may say more before it.
        handle = (output.strip().splitlines() or [""])[-1].partition(";")[0]
        if not handle.isdecimal():
            raise BackendUnavailableError(
                f"sbatch took a submission and gave no id: {output.strip()[:200]!r}",
                where="sbatch",
                hint="`command -v sbatch` should be Slurm's own; the next `neurocaas reconcile` looks for it by name",
            )
        return handle

    def find(self, name: str) -> str | None:
        """Return the id of the array with this name, or None when Slurm does not know any."""
        output = _call(["squeue", "-h", "-t", "all", "-n", name, "-o", "%F"])
        if not output.split() and self._accounts():
            command = ["sacct", "-n", "-P", "-X", "-S", "now-30days", "--name", name, "-o", "JobID"]
            output = _call(command)
        found = output.split()
        return found[0].partition("_")[0] if found else None

    def tasks(self, arrays: Collection[str]) -> dict[str, Task]:
        """Return the tasks of the arrays, by handle."""
        wanted = sorted(arrays)
        found: dict[str, Task] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            tasks = {task.handle: task for task in self._queue(some)}
            if self._accounts():
                # What the controller has forgotten; its own word counts where there are two.
                tasks = {task.handle: task for task in self._accounted(some)} | tasks
            found.update(tasks)
        return found

    def cancel(self, handles: Sequence[str]) -> None:
        """End arrays or tasks."""
        for start in range(0, len(handles), _AT_ONCE):
            _call(["scancel", "--quiet", *handles[start : start + _AT_ONCE]])

    def _queue(self, arrays: Sequence[str]) -> Iterable[Task]:
        # The reason stands last: it is a text.
        layout = _SEPARATOR.join(["%F", "%K", "%T", "%N", "%r"])
        command = ["squeue", "-h", "-r", "-t", "all", "-j", ",".join(arrays), "-o", layout]
        try:
            output = _call(command)
        except BackendUnavailableError as error:
            # Asked for one array only, squeue takes it for an error that it is forgotten.
            if "Invalid job id" in error.message:
                return
            raise
        for line in output.splitlines():
            array, number, word, node, reason = line.split(_SEPARATOR, 4)
            yield Task(f"{array}_{number}", word, reason, node)

    def _accounted(self, arrays: Sequence[str]) -> Iterable[Task]:
        fields = "JobID,State,NodeList"
        output = _call(["sacct", "-n", "-P", "-X", "-j", ",".join(arrays), "-o", fields])
        for line in output.splitlines():
            handle, word, node = line.split(_SEPARATOR, 2)
            if _TASK.fullmatch(handle):
                yield Task(handle, word, "", "" if node == "None assigned" else node)

    def _accounts(self) -> bool:
        found = _ACCOUNTING.search(self._configuration())
        return found is not None and found[1].lower().endswith("slurmdbd")

    def _configuration(self) -> str:
        if self._settings is None:
            self._settings = _call(["scontrol", "show", "config"])
        return self._settings


class GatheredSlurm(SlurmCommands):
    """Slurm for several jobs that are looked at in turns: one question serves them all.

    What it said counts for `fresh` seconds.
    """

    def __init__(self, fresh: float) -> None:
        super().__init__()
        self._gathered = Gathering(self._by_array, fresh)

    def tasks(self, arrays: Collection[str]) -> dict[str, Task]:
        """Return the tasks of the arrays, by handle."""
        found = self._gathered(arrays)
        return {handle: task for tasks in found.values() for handle, task in tasks.items()}

    def _by_array(self, arrays: Collection[str]) -> dict[str, dict[str, Task]]:
        found: dict[str, dict[str, Task]] = {}
        for handle, task in super().tasks(arrays).items():
            found.setdefault(handle.partition("_")[0], {})[handle] = task
        return found


def submitters_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what sbatch is given of an environment: all of it reaches the nodes.

    Whatever else sbatch is told to export than `ALL`, it has each node start a login shell for its
    environment first (22.05 even for `NIL`), which takes up to a second a task, and more where
    profiles are slow.
    """
    return {k: v for k, v in variables.items() if k in _LENT or k.startswith(_OWN)}


def _call(
    command: list[str],
    *,
    text: str | None = None,
    keep: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a command of Slurm and return what it printed."""
    try:
        done = subprocess.run(
            command,
            input=text if text is not None else "",
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
            env=environment,
            pass_fds=() if keep is None else (keep,),
            # Ctrl-C is for the runner: half a submission would be found again, but later.
            start_new_session=True,
        )
    except FileNotFoundError:
        raise BackendUnavailableError(
            "this machine has no Slurm",
            where=command[0],
            hint="run it on a login node of the cluster, or without `--executor slurm`",
        ) from None
    except subprocess.TimeoutExpired:
        raise BackendUnavailableError(
            f"Slurm did not answer within {_SECONDS} s",
            where=command[0],
            hint="`scontrol ping` says whether its controller is up; then reconcile again",
        ) from None
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise BackendUnavailableError(
            f"Slurm refused or did not answer: {said}",
            where=command[0],
            hint="docs/slurm.md says what a cluster must offer; `scontrol ping` whether it is up",
        )
    return done.stdout
