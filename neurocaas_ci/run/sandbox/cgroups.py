"""Control groups that bound and measure runs, on hierarchy version 1 or 2.

Groups are used again, because a removed memory group lives on inside the kernel for as long as one
page of its files is cached. Counters are therefore read as differences.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Protocol

from neurocaas_ci.run.sandbox.hierarchy import PREFIX, Layout
from neurocaas_ci.run.sandbox.processes import owner_alive, owner_token

# RLIMIT_NPROC in the run's own user namespace is what bounds it exactly; this is the second fence.
# Besides the launching thread, bubblewrap and pid 1, it counts the dead of earlier runs that the
# machine's init has not waited for yet, which some do once in a second only.
_OTHER_TASKS = 256


class Group(Protocol):
    """One group for one run at a time."""

    reusable: bool

    def bound(self, memory: int, processes: int) -> None:
        """Set the limits (bytes, tasks); raise OSError when they cannot be set."""
        ...

    def zero(self) -> None:
        """Count from here on."""
        ...

    def join(self, thread: int) -> None:
        """Move a thread of this process in, where a thread can be; its children follow it."""
        ...

    def add(self, pid: int) -> None:
        """Move a process in where it has not been started inside."""
        ...

    def cpu_s(self) -> float | None:
        """Return the CPU seconds since `zero`, None where they are not counted."""
        ...

    def memory(self) -> int:
        """Return the bytes in use now."""
        ...

    def memory_peak(self) -> int:
        """Return the highest use in bytes since `zero`; call it after the end of the run."""
        ...

    def oom_kills(self) -> int:
        """Return how many processes the memory limit has killed since `zero`."""
        ...

    def kill(self) -> None:
        """Kill whatever is inside and wait, at most seconds, until it is empty."""
        ...

    def close(self) -> None:
        """Close all files and remove the group."""
        ...


def make_group(layout: Layout, number: int) -> Group:
    """Make the group with this number among those of this process; raise OSError."""
    name = f"{PREFIX}{owner_token()}-{number}"
    if layout.version == "v1":
        return _GroupV1(layout.folders, name)
    return _GroupV2(layout.folders[""] / name)


def sweep(layout: Layout) -> None:
    """Remove the groups of dead owners, and kill what is left inside."""
    for folder in layout.folders.values():
        names = [name for name in os.listdir(folder) if name.startswith(PREFIX)]
        for name in names:
            owner = name.removeprefix(PREFIX).rpartition("-")[0]
            if not owner_alive(owner):
                _kill_all(folder / name)
                _remove(folder / name)


class _Files:
    """Open files of one group; reading one again costs a system call, opening it costs ten."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, int] = {}

    def read(self, name: str) -> str:
        return os.pread(self.open(name, os.O_RDONLY), 4096, 0).decode()

    def write(self, name: str, text: str) -> None:
        os.pwrite(self.open(name, os.O_WRONLY), text.encode(), 0)

    def counter(self, name: str, key: str) -> int:
        for line in self.read(name).splitlines():
            word, _, value = line.partition(" ")
            if word == key:
                return int(value)
        return 0

    def has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def open(self, name: str, mode: int) -> int:
        key = f"{mode}:{name}"
        if key not in self._open:
            self._open[key] = os.open(self.folder / name, mode | os.O_CLOEXEC)
        return self._open[key]

    def close(self) -> None:
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()
        _remove(self.folder)


class _GroupV1:
    """A group in each of the separate memory, pids and cpuacct hierarchies."""

    reusable = True

    def __init__(self, folders: dict[str, Path], name: str) -> None:
        self._files: dict[str, _Files] = {}
        for controller, folder in folders.items():
            (folder / name).mkdir()
            self._files[controller] = _Files(folder / name)
        self._memory = self._files["memory"]
        self._swap = self._memory.has("memory.memsw.limit_in_bytes")
        self._limits: tuple[int, int] | None = None
        self._cpu_zero = 0
        self._oom_zero = 0
        self._memory_zero = 0

    def bound(self, memory: int, processes: int) -> None:
        if self._limits == (memory, processes):
            return
        # Memory plus swap may never be below memory: open it wide before moving the other.
        if self._swap:
            self._memory.write("memory.memsw.limit_in_bytes", "-1")
        self._memory.write("memory.limit_in_bytes", str(memory))
        if self._swap:
            self._memory.write("memory.memsw.limit_in_bytes", str(memory))
        if "pids" in self._files:
            self._files["pids"].write("pids.max", str(processes + _OTHER_TASKS))
        self._limits = (memory, processes)

    def zero(self) -> None:
        self._memory.write("memory.max_usage_in_bytes", "0")
        # Cached pages of earlier runs are still charged here; they are not this run's.
        self._memory_zero = int(self._memory.read("memory.usage_in_bytes"))
        self._oom_zero = self._memory.counter("memory.oom_control", "oom_kill")
        if "cpuacct" in self._files:
            self._cpu_zero = int(self._files["cpuacct"].read("cpuacct.usage"))

    def join(self, thread: int) -> None:
        for files in self._files.values():
            files.write("tasks", str(thread))

    def add(self, pid: int) -> None:
        """Do nothing: what a thread inside has started is inside."""

    def cpu_s(self) -> float | None:
        if "cpuacct" not in self._files:
            return None
        return (int(self._files["cpuacct"].read("cpuacct.usage")) - self._cpu_zero) / 1e9

    def memory(self) -> int:
        return max(0, int(self._memory.read("memory.usage_in_bytes")) - self._memory_zero)

    def memory_peak(self) -> int:
        # Pages of earlier runs that had to go when memory got short did not count at the peak. What
        # is still in use bounds from above how many of them are left.
        earlier = min(self._memory_zero, int(self._memory.read("memory.usage_in_bytes")))
        return max(0, int(self._memory.read("memory.max_usage_in_bytes")) - earlier)

    def oom_kills(self) -> int:
        return self._memory.counter("memory.oom_control", "oom_kill") - self._oom_zero

    def kill(self) -> None:
        _kill_all(self._memory.folder)

    def close(self) -> None:
        for files in self._files.values():
            files.close()


class _GroupV2:
    """A group in the unified hierarchy; it is used again where its peak can be set to zero."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._files = _Files(folder)
        self._has_pids = self._files.has("pids.max")
        self._peak: int | None = None
        self.reusable = False
        # Writing to memory.peak sets what this one open file reads back (Linux 6.12 and later).
        with contextlib.suppress(OSError):
            self._peak = os.open(folder / "memory.peak", os.O_RDWR | os.O_CLOEXEC)
        self._limits: tuple[int, int] | None = None
        self._cpu_zero = 0
        self._oom_zero = 0
        self._memory_zero = 0

    def bound(self, memory: int, processes: int) -> None:
        if self._limits == (memory, processes):
            return
        self._files.write("memory.max", str(memory))
        if self._files.has("memory.swap.max"):
            self._files.write("memory.swap.max", "0")
        if self._has_pids:
            self._files.write("pids.max", str(processes + _OTHER_TASKS))
        self._limits = (memory, processes)

    def join(self, thread: int) -> None:
        """Open the file to move processes with, while this thread still has the right to."""
        del thread  # threads of one process cannot be in different groups that limit memory
        self._files.open("cgroup.procs", os.O_WRONLY)

    def zero(self) -> None:
        if self._peak is not None:
            try:
                os.pwrite(self._peak, b"reset", 0)
                self.reusable = True
            except OSError:
                self.reusable = False
        self._memory_zero = int(self._files.read("memory.current"))
        self._oom_zero = self._files.counter("memory.events", "oom_kill")
        self._cpu_zero = self._files.counter("cpu.stat", "usage_usec")

    def add(self, pid: int) -> None:
        self._files.write("cgroup.procs", str(pid))

    def cpu_s(self) -> float | None:
        return (self._files.counter("cpu.stat", "usage_usec") - self._cpu_zero) / 1e6

    def memory(self) -> int:
        return max(0, int(self._files.read("memory.current")) - self._memory_zero)

    def memory_peak(self) -> int:
        if self._peak is None:
            return self.memory()
        earlier = min(self._memory_zero, int(self._files.read("memory.current")))
        return max(0, int(os.pread(self._peak, 64, 0)) - earlier)

    def oom_kills(self) -> int:
        return self._files.counter("memory.events", "oom_kill") - self._oom_zero

    def kill(self) -> None:
        _kill_all(self._files.folder)

    def close(self) -> None:
        if self._peak is not None:
            os.close(self._peak)
            self._peak = None
        self._files.close()


def _kill_all(folder: Path) -> None:
    """Kill every process in a group until it is empty, for at most two seconds."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        try:
            pids = [int(word) for word in (folder / "cgroup.procs").read_text().split()]
        except OSError:
            return
        # A launching thread of this process may be inside, which lists the whole process.
        pids = [pid for pid in pids if pid != os.getpid()]
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _remove(folder: Path) -> None:
    """Remove a group; what has just ended inside still counts for some milliseconds."""
    for _ in range(100):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.002)
        else:
            return
