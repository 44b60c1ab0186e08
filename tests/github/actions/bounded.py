"""Run a command in a box to its end, within its limits, and leave nothing of it behind."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from .box import Limits

_PAGE = os.sysconf("SC_PAGE_SIZE")
_GLANCE_SECONDS = 0.1

Bound = Literal["time", "memory", "output"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended; `bound` is the limit that it was killed for."""

    code: int
    bound: Bound | None
    seconds: float


def run_bounded(command: list[str], output: Path, errors: Path, limits: Limits) -> Ended:
    """Run a boxed command; with the box every process in it ends, whatever it has become."""
    begun = time.monotonic()
    with output.open("wb") as out, errors.open("wb") as err, _started(command, out, err) as process:
        bound: Bound | None = None
        while bound is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GLANCE_SECONDS)
                break
            bound = _exceeded(process.pid, time.monotonic() - begun, output, limits)
    return Ended(process.returncode, bound, time.monotonic() - begun)


@contextlib.contextmanager
def _started(
    command: list[str], out: IO[bytes], err: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start bubblewrap; at the end nothing is left of it, and nothing is still on its way out.

    The kernel ends all processes of the box before the first of them is gone, and bubblewrap itself
    does not wait for that.
    """
    status, told = os.pipe()
    line = [command[0], "--json-status-fd", str(told), *command[1:]]
    process = subprocess.Popen(
        line, stdin=subprocess.DEVNULL, stdout=out, stderr=err, pass_fds=(told,)
    )
    os.close(told)
    with os.fdopen(status) as statuses:
        first = None
        try:
            # Empty when bubblewrap has failed before it started anything.
            if said := statuses.readline():
                with contextlib.suppress(ProcessLookupError):
                    first = os.pidfd_open(json.loads(said)["child-pid"])
            yield process
        finally:
            if first is not None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(first, signal.SIGKILL)
                select.select([first], [], [])
                os.close(first)
            else:
                process.kill()
            process.wait()


def _exceeded(root: int, seconds: float, output: Path, limits: Limits) -> Bound | None:
    if seconds > limits.seconds:
        return "time"
    if output.stat().st_size > limits.output:
        return "output"
    return "memory" if sum(map(_resident, _tree(root))) > limits.memory else None


def _tree(root: int) -> Iterator[int]:
    """Return a process and all below it; orphans in a box belong to its first process."""
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                children = Path(f"/proc/{pid}/task/{thread}/children").read_text()
                waiting += map(int, children.split())


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0
