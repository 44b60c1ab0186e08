"""Measure whole process trees: wall time, CPU time of everything they start, peak memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured command: seconds, CPU seconds of its whole tree, peak bytes of one process."""

    wall: float
    cpu: float
    rss: int
    code: int


class CpuClock:
    """CPU seconds of all processes of this tree, also of those that nobody waits for.

    A control group counts them exactly; where none can be made, the whole machine is counted, so
    nothing else should run.
    """

    def __init__(self) -> None:
        self.source = "the whole machine (/proc/stat)"
        self._file: Path | None = None
        with contextlib.suppress(OSError, IndexError, StopIteration):
            lines = Path("/proc/self/cgroup").read_text().splitlines()
            own = next(x for x in lines if "cpuacct" in x.split(":")[1].split(","))
            folder = Path("/sys/fs/cgroup/cpuacct") / own.split(":")[2].lstrip("/")
            group = folder / f"bench-{os.getpid()}"
            group.mkdir()
            (group / "cgroup.procs").write_text(str(os.getpid()))
            self._file = group / "cpuacct.usage"
            self.source = "control group cpuacct"

    def now(self) -> float:
        """Return the CPU seconds so far."""
        if self._file is not None:
            return int(self._file.read_text()) / 1e9
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
        busy = sum(int(x) for i, x in enumerate(fields[:8]) if i not in {3, 4})
        return busy / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """Leave the control group as it was found."""
        if self._file is not None:
            group = self._file.parent
            with contextlib.suppress(OSError):
                (group.parent / "cgroup.procs").write_text(str(os.getpid()))
                group.rmdir()


def run(
    clock: CpuClock, command: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None
) -> Sample:
    """Run a command to its end, quietly, and measure it."""
    cpu, wall = clock.now(), time.perf_counter()
    process = subprocess.Popen(
        command, env=dict(env), cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - wall
    _settle()
    if process.returncode:
        raise SystemExit(
            f"{' '.join(command)}\nexit {process.returncode}\n{errors.decode()[-2000:]}"
        )
    return Sample(wall, clock.now() - cpu, usage.ru_maxrss * 1024, process.returncode)


def _settle() -> None:
    """Let the kernel finish what ended processes left to it."""
    time.sleep(0.05)


@contextlib.contextmanager
def heading(text: str) -> Iterator[None]:
    """Print a heading before and a blank line after."""
    print(f"\n## {text}\n", flush=True)
    yield
    print(flush=True)


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def file_system(folder: str) -> str:
    """Return the kind of file system that a folder lies on, as `stat` names it."""
    done = subprocess.run(
        ["stat", "--file-system", "--format", "%T", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
