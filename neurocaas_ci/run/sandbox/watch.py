"""Watch one run from the caller's thread: its output, its end, its time, its use of the machine."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from neurocaas_ci.model.run import Reason, Usage
from neurocaas_ci.run.sandbox.cgroups import Group
from neurocaas_ci.run.sandbox.logs import LogWriter
from neurocaas_ci.run.sandbox.processes import tree_use
from neurocaas_ci.run.sandbox.request import SandboxRequest
from neurocaas_ci.run.sandbox.spawn import Started
from neurocaas_ci.run.sandbox.tree import disk_use

_CHUNK = 1 << 18
_CANCEL_EVERY = 0.1
_SAMPLE_EVERY = 1.0
_DISK_EVERY = 0.5
_REAP_SECONDS = 5.0
_MAX_SAMPLES = 240
_MAX_TEMPORARY = 1_000_000  # files, which are looked at every half second
DISK_RESERVE = 256 << 20
"""Bytes that a run leaves free on the disk of its machine."""


class Ended(NamedTuple):
    """Why the watcher ended the run (None when it ended by itself), and what it used.

    `crowded` says that it was ended because the machine's disk is nearly full.
    """

    stopped: Reason | None
    detail: str
    usage: Usage
    oom_kills: int
    crowded: bool = False


@dataclass(slots=True)
class _Meter:
    """Samples of CPU and memory; from the control group, or else from /proc."""

    started: Started
    group: Group | None
    cpu_s: float = 0.0
    peak: int = 0
    samples: list[tuple[float, float, int]] = field(default_factory=list)
    every: float = _SAMPLE_EVERY

    def measure(self) -> int:
        """Update the totals and return the bytes in use."""
        cpu = self.group.cpu_s() if self.group is not None else None
        if self.group is not None and cpu is not None:
            self.cpu_s, memory = cpu, self.group.memory()
        else:
            use = tree_use(self.started.pid, own=not self.started.supervisor)
            self.cpu_s = max(self.cpu_s, use.cpu_s)
            memory = self.group.memory() if self.group is not None else use.memory
        self.peak = max(self.peak, memory)
        return memory

    def sample(self, elapsed: float) -> int:
        """Measure and keep a row; rows get sparser in long runs, so that a record stays small."""
        memory = self.measure()
        self.samples.append((round(elapsed, 3), round(self.cpu_s, 3), memory))
        if len(self.samples) >= _MAX_SAMPLES:
            del self.samples[::2]
            self.every *= 2
        return memory

    def finish(self, wall_s: float) -> Usage:
        """Return the totals; without a control group they are those of the last look."""
        if self.group is not None:
            cpu = self.group.cpu_s()
            self.cpu_s = self.cpu_s if cpu is None else cpu
            self.peak = max(self.peak, self.group.memory_peak())
        return Usage(wall_s, self.cpu_s, self.peak, tuple(self.samples))


class Watcher:
    """Follows one started run to its end; bounded by its limits whatever the run does."""

    def __init__(
        self,
        request: SandboxRequest,
        started: Started,
        group: Group | None,
        log: LogWriter,
        cancelled: Callable[[], bool],
    ) -> None:
        self._request = request
        self._started = started
        self._group = group
        self._log = log
        self._cancelled = cancelled
        self._meter = _Meter(started, group)
        self._stopped: Reason | None = None
        self._detail = ""
        self._crowded = False
        self._output_ended = False
        self._poll = select.poll()

    def follow(self) -> Ended:
        """Return when nothing of the run is left and all its output has been read."""
        began = time.monotonic()
        deadline = began + self._request.max_runtime
        sample_at = began + (_SAMPLE_EVERY if self._group is not None else _CANCEL_EVERY)
        disk_at = began + _SAMPLE_EVERY
        started = self._started
        for fd in (started.output, started.pidfd, started.status):
            if fd is not None:
                self._poll.register(fd, select.POLLIN)
        while True:
            now = time.monotonic()
            until = now + _CANCEL_EVERY
            if self._stopped is None:
                until = min(until, deadline, sample_at, disk_at)
            if self._handle(self._poll.poll(max(0.0, until - now) * 1000)):
                break
            if self._stopped is None:
                sample_at, disk_at = self._look(began, deadline, sample_at, disk_at)
        self._finish()
        usage = self._meter.finish(time.monotonic() - began)
        kills = self._group.oom_kills() if self._group is not None else 0
        return Ended(self._stopped, self._detail, usage, kills, self._crowded)

    def _look(
        self, began: float, deadline: float, sample_at: float, disk_at: float
    ) -> tuple[float, float]:
        """Judge what is due; return when to take the next sample and to look at the disk."""
        now = time.monotonic()
        if self._cancelled():
            self._stop("cancelled", "")
        elif now >= deadline:
            self._stop("time_limit", "")
        elif now >= sample_at:
            self._judge_memory(self._meter.sample(now - began))
            sample_at = now + self._meter.every
        elif now >= disk_at:
            self._judge_disk()
            done = time.monotonic()
            # A tree that takes long to walk is walked less often.
            disk_at = done + max(_DISK_EVERY, 10 * (done - now))
        return sample_at, disk_at

    def _stop(self, reason: Reason, detail: str) -> None:
        self._stopped, self._detail = reason, detail
        self._started.kill()

    def _handle(self, events: list[tuple[int, int]]) -> bool:
        """React to descriptors; return True once the run is gone."""
        gone = False
        for fd, _ in events:
            if fd == self._started.output:
                self._drain_once()
            elif fd == self._started.pidfd:
                gone = True
            else:
                self._read_status(fd)
        return gone

    def _read_status(self, fd: int) -> None:
        if not self._started.read_report():
            self._poll.unregister(fd)
        elif self._group is None:
            # The command is over, its totals are still to be read at pid 1 for a moment.
            self._meter.measure()

    def _drain_once(self) -> bool:
        """Read some output; return False when there is none now or it has ended."""
        try:
            data = os.read(self._started.output, _CHUNK)
        except BlockingIOError:
            return False
        if data:
            self._log.feed(data)
        elif not self._output_ended:
            self._output_ended = True
            self._poll.unregister(self._started.output)
        return bool(data)

    def _finish(self) -> None:
        """Collect the last words of a run that is gone."""
        started = self._started
        if started.status is None:
            started.kill()
            if self._group is not None:
                self._group.kill()
        else:
            # Bubblewrap's watcher is still about to report and end; it cannot fail to notice.
            waiter = select.poll()
            waiter.register(started.status, select.POLLIN)
            give_up = time.monotonic() + _REAP_SECONDS
            while (left := give_up - time.monotonic()) > 0 and waiter.poll(left * 1000):
                if not started.read_report():
                    break
            else:
                started.process.kill()
        started.process.wait()
        # Without isolation somebody who escaped the kill could go on writing.
        give_up = time.monotonic() + _REAP_SECONDS
        while self._drain_once() and time.monotonic() < give_up:
            pass

    def _judge_memory(self, memory: int) -> None:
        limit = self._request.limits.memory
        if self._group is None:
            if memory > limit:
                self._stop("memory_limit", f"{memory:,} bytes")
        elif self._group.oom_kills():
            # Whatever is left may wait for the killed process forever.
            self._stop("memory_limit", "")

    def _judge_disk(self) -> None:
        limits = self._request.limits
        size, files = disk_use(self._request.outputs, limits.output_files)
        rest = limits.tmp_size
        for folder in self._request.writable:
            rest -= disk_use(folder, _MAX_TEMPORARY)[0]
        if rest < 0:
            detail = f"/tmp held more than {limits.tmp_size:,} bytes (tmp_size)"  # noqa: S108 - inside
            self._stop("output_limit", detail)
        elif size > limits.output_size:
            detail = f"/outputs held more than {limits.output_size:,} bytes (output_size)"
            self._stop("output_limit", detail)
        elif files > limits.output_files:
            detail = f"/outputs held more than {limits.output_files:,} files (output_files)"
            self._stop("output_limit", detail)
        else:
            disk = os.statvfs(self._request.outputs)
            if disk.f_bavail * disk.f_frsize < DISK_RESERVE:
                self._crowded = True
                self._stop("output_limit", "")
