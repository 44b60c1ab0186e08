"""Who a process is, and what the processes below one use, read from /proc."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Fields of /proc/PID/stat after the command name, see proc_pid_stat(5).
_STATE, _CPU_FIELDS, _CHILDREN_CPU, _START, _RSS = 0, slice(11, 15), slice(13, 15), 19, 21


@cache
def _token_of(pid: int) -> str:
    namespace = os.stat("/proc/self/ns/pid").st_ino
    return f"{namespace}.{pid}.{_stat(pid)[_START]}"


def owner_token() -> str:
    """Return a word that names this process and no other one, ever, on this machine."""
    return _token_of(os.getpid())


def owner_alive(token: str) -> bool:
    """Tell whether the process of a token may still live; those of other namespaces may."""
    namespace, _, rest = token.partition(".")
    pid, _, start = rest.partition(".")
    if not (namespace.isdecimal() and pid.isdecimal() and start.isdecimal()):
        return True
    if int(namespace) != os.stat("/proc/self/ns/pid").st_ino:
        return True
    try:
        fields = _stat(int(pid))
    except OSError:
        return False
    return fields[_START] == start and fields[_STATE] not in "ZX"


class TreeUse(NamedTuple):
    """What a process and all below it use: CPU seconds (dead children included) and bytes."""

    cpu_s: float
    memory: int


def tree_use(pid: int, *, own: bool = True) -> TreeUse:
    """Add up a process tree, with or without what its root uses itself.

    Processes that vanish on the way count as nothing.
    """
    ticks = memory = 0
    pending = [pid]
    while pending:
        current = pending.pop()
        try:
            fields = _stat(current)
            counts = own or current != pid
            ticks += sum(int(value) for value in fields[_CPU_FIELDS if counts else _CHILDREN_CPU])
            memory += int(fields[_RSS]) * _PAGE if counts else 0
            for task in os.listdir(f"/proc/{current}/task"):
                children = Path(f"/proc/{current}/task/{task}/children").read_text()
                pending += [int(word) for word in children.split()]
        except OSError:
            continue
    return TreeUse(ticks / _TICKS, memory)


def _stat(pid: int) -> list[str]:
    with open(f"/proc/{pid}/stat", "rb") as stream:
        # The name may hold anything, closing brackets included.
        return stream.read().decode("utf-8", "replace").rpartition(")")[2].split()
