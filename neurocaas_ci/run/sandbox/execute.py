"""The sandbox of one process: probed once, then used by any number of threads at a time."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from neurocaas_ci.model.run import Isolation
from neurocaas_ci.run.sandbox import guard
from neurocaas_ci.run.sandbox.cgroups import CgroupPool, Slot, find_layout
from neurocaas_ci.run.sandbox.command import NOBODY, Tools
from neurocaas_ci.run.sandbox.logs import LogWriter
from neurocaas_ci.run.sandbox.probe import drop_prefix, find_tools
from neurocaas_ci.run.sandbox.request import SandboxRequest, SandboxResult
from neurocaas_ci.run.sandbox.seccomp import program
from neurocaas_ci.run.sandbox.spawn import Started, refusal, start_bare, start_sandboxed
from neurocaas_ci.run.sandbox.tree import walk
from neurocaas_ci.run.sandbox.verdict import End, judge, signal_of
from neurocaas_ci.run.sandbox.watch import Ended, Watcher

Cancelled = threading.Event | Callable[[], bool] | None
_BWRAP_FAILED = 1


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A way to run commands on this machine; `tools` is None without isolation."""

    tools: Tools | None
    drop: tuple[str, ...]
    filter: bytes | None
    cgroups: CgroupPool | None
    isolation: Isolation

    @classmethod
    def probe(cls, isolation: Literal["sandbox", "none"], scratch: Path) -> Self:
        """Find out what this machine can enforce; `scratch` is where runs have their folders.

        Raise SandboxUnavailableError, with what to do, when isolation is asked for and impossible.
        """
        tools = find_tools(scratch) if isolation == "sandbox" else None
        drop = tools.drop if tools is not None else drop_prefix()
        layout = find_layout()
        cgroups = CgroupPool(layout) if layout is not None else None
        if cgroups is not None:
            cgroups.sweep()
            try:
                cgroups.give_back(cgroups.take(64 << 20, 16))
            except OSError:
                cgroups = None
        bpf = program(os.uname().machine) if tools is not None else None
        if tools is not None:
            guard.ensure_guard()
        return cls(tools, drop, bpf, cgroups, _isolation(tools, bpf, cgroups))

    def execute(self, request: SandboxRequest, cancelled: Cancelled = None) -> SandboxResult:
        """Run one command to its end; nothing of it is left when this returns.

        Raise BackendUnavailableError when it cannot be started for a reason of this machine.
        """
        begun = time.monotonic()
        if os.geteuid() == 0:
            os.chown(request.outputs, NOBODY, NOBODY)
        log = LogWriter(request.log, request.limits.log_size)
        with contextlib.closing(log), self._slot(request) as slot:
            started = self._start(request, slot)
            running = time.monotonic()
            with contextlib.closing(started):
                ended = Watcher(request, started, slot, log, _asker(cancelled)).follow()
                code = started.exit_code()
                returned = started.process.returncode
        if self.tools is not None and code is None and _failed_alone(ended, returned):
            raise refusal(request, log.last_line().encode())
        return self._result(
            request, ended, code, log, (running - begun, time.monotonic() - running)
        )

    def _start(self, request: SandboxRequest, slot: Slot | None) -> Started:
        if self.tools is not None:
            return start_sandboxed(request, self.tools, self.filter, slot, guard.sandbox_token())
        environment = {
            **request.environment,
            "NEUROCAAS_INPUTS": str(request.inputs),
            "NEUROCAAS_OUTPUTS": str(request.outputs),
        }
        return start_bare(request, self.drop, environment, slot)

    @contextlib.contextmanager
    def _slot(self, request: SandboxRequest) -> Iterator[Slot | None]:
        if self.cgroups is None:
            yield None
            return
        slot = self.cgroups.take(request.limits.memory, request.limits.processes)
        try:
            yield slot
        finally:
            self.cgroups.give_back(slot)

    def _result(
        self,
        request: SandboxRequest,
        ended: Ended,
        code: int | None,
        log: LogWriter,
        times: tuple[float, float],
    ) -> SandboxResult:
        end = End(
            stopped=ended.stopped,
            detail=ended.detail,
            exit_code=code,
            oom_kills=ended.oom_kills,
            last_line=log.last_line(),
            overgrown=_overgrown(request) if code else None,
        )
        reason, message = judge(end, request.limits, request.max_runtime)
        stages: Mapping[str, float] = {"sandbox_start": times[0], "script": times[1]}
        by_itself = ended.stopped is None
        return SandboxResult(
            reason=reason,
            exit_code=code if by_itself else None,
            signal=signal_of(code) if by_itself else None,
            message=message,
            usage=ended.usage,
            isolation=self.isolation,
            log_dropped=log.dropped,
            stages=stages,
        )


def _isolation(tools: Tools | None, bpf: bytes | None, cgroups: CgroupPool | None) -> Isolation:
    enforced = ["memory", "processes", "file_size", "output_size", "output_files", "log_size"]
    if tools is not None:
        enforced.append("tmp_size")
    if tools is None and cgroups is None:
        # Address space per process is all that is left, and tasks count for the whole user.
        enforced.remove("memory")
    return Isolation(
        level="sandbox" if tools is not None else "none",
        user_namespace=tools is not None,
        network=tools is None,
        seccomp=bpf is not None,
        cgroup=cgroups.version if cgroups is not None else "none",
        enforced=(*enforced, "time"),
    )


def _asker(cancelled: Cancelled) -> Callable[[], bool]:
    if cancelled is None:
        return lambda: False
    return cancelled.is_set if isinstance(cancelled, threading.Event) else cancelled


def _failed_alone(ended: Ended, returned: int | None) -> bool:
    """Tell whether bubblewrap gave up by itself, before it could start the command."""
    return ended.stopped is None and not ended.oom_kills and returned == _BWRAP_FAILED


def _overgrown(request: SandboxRequest) -> str | None:
    """Return the first output that could not grow any more."""
    with contextlib.suppress(OSError):
        for entry in walk(request.outputs):
            if entry.facts.st_size >= request.limits.file_size:
                return entry.path
    return None
