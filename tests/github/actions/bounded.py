"""Run a command in a box to its end, within its limits, and leave nothing of it behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        bound: Bound | None = None
        try:
            while bound is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_GLANCE_SECONDS)
                    break
                bound = _exceeded(process.pid, time.monotonic() - begun, output, limits)
        finally:
            # The first process of the box is bound to bubblewrap, and the kernel ends the rest.
            process.kill()
            code = process.wait()
    return Ended(code, bound, time.monotonic() - begun)


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
