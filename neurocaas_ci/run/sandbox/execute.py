"""The sandbox of one process: probed once, then used by any number of threads at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Self

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.run import Isolation, IsolationLevel
from neurocaas_ci.run.sandbox import guard
from neurocaas_ci.run.sandbox.cgroups import sweep
from neurocaas_ci.run.sandbox.command import NOBODY, Tools
from neurocaas_ci.run.sandbox.hierarchy import Layout, find_layout
from neurocaas_ci.run.sandbox.logs import LogWriter
from neurocaas_ci.run.sandbox.probe import find_tools
from neurocaas_ci.run.sandbox.request import SandboxRequest, SandboxResult
from neurocaas_ci.run.sandbox.seccomp import program
from neurocaas_ci.run.sandbox.slots import Slot, SlotPool
from neurocaas_ci.run.sandbox.spawn import Started, refusal, start_bare, start_sandboxed
from neurocaas_ci.run.sandbox.tree import walk
from neurocaas_ci.run.sandbox.verdict import End, judge, signal_of
from neurocaas_ci.run.sandbox.watch import DISK_RESERVE, Ended, Watcher

Cancelled = threading.Event | Callable[[], bool] | None
_BWRAP_FAILED = 1
_FULL = 1 << 20
_NOT_FOUND = 127  # by the convention of shells


class Sandbox(NamedTuple):
    """A way to run commands on this machine; `tools` is None without a sandbox."""

    tools: Tools | None
    filter: bytes | None
    slots: SlotPool
    isolation: Isolation

    @classmethod
    def probe(cls, isolation: IsolationLevel, scratch: Path) -> Self:
        """Find out what this machine can enforce; `scratch` is where runs have their folders.

        Raise SandboxUnavailableError, with what to do, when isolation is asked for and impossible.
        """
        layout = find_layout()
        if layout is not None:
            sweep(layout)
        slots, layout = _working_slots(layout, isolation)
        tools = bpf = None
        if isolation == "chroot":
            from neurocaas_ci.run.sandbox.jailed import try_jail  # few machines need it

            bpf = program(os.uname().machine, namespaces=False)
            try_jail(bpf, scratch)
        elif isolation == "sandbox":
            bpf = program(os.uname().machine)
            with slots.take(RunLimits()) as slot:
                tools = slot.launcher.call(lambda: find_tools(scratch))
            guard.ensure_guard()
        return cls(tools, bpf, slots, _isolation(isolation, layout, seccomp=bpf is not None))

    def execute(self, request: SandboxRequest, cancelled: Cancelled = None) -> SandboxResult:
        """Run one command to its end; nothing of it is left when this returns.

        Raise BackendUnavailableError when it cannot be started for a reason of this machine.
        """
        try:
            return self._execute(request, _asker(cancelled))
        except OSError as error:
            raise BackendUnavailableError(
                f"this machine could not carry the run: {error.strerror or error}",
                where=str(error.filename or request.log),
                hint="it is short of disk, memory, processes or descriptors; run again later",
            ) from error

    def _execute(self, request: SandboxRequest, cancelled: Callable[[], bool]) -> SandboxResult:
        begun = time.monotonic()
        if os.geteuid() == 0:
            os.chown(request.outputs, NOBODY, NOBODY)
        log = LogWriter(request.log, request.limits.log_size)
        jailed = self.isolation.level == "chroot"
        with (
            contextlib.closing(log),
            self.slots.take(request.limits) as slot,
            _jail(request) if jailed else contextlib.nullcontext(request) as placed,
        ):
            started = slot.launcher.call(lambda: self._start(placed, slot), Started.close)
            running = time.monotonic()
            with contextlib.closing(started):
                ended = Watcher(placed, started, slot.group, log, cancelled).follow()
                code = started.exit_code()
                returned = started.process.returncode
            if jailed:
                _make_empty(started)
        script = time.monotonic() - running
        if self.tools is not None and code is None and _failed_alone(ended, returned):
            if not log.last_line().startswith("bwrap: execvp"):
                raise refusal(request, log.last_line().encode())
            code = _NOT_FOUND
        if ended.crowded or (code and ended.stopped is None and _is_full(request, log.last_line())):
            raise _crowded(request)
        return self._result(request, ended, code, log, (running - begun, script))

    def _start(self, request: SandboxRequest, slot: Slot) -> Started:
        if self.tools is not None:
            apart = slot.launcher.apart
            tools = self.tools._replace(own_network=apart.network, own_devices=apart.devices)
            return start_sandboxed(request, tools, self.filter, slot.group, guard.sandbox_token())
        if self.isolation.level == "chroot" and self.filter is not None:
            from neurocaas_ci.run.sandbox.jailed import start_jailed

            return start_jailed(request, self.filter, slot.group)
        environment = {
            **request.environment,
            "NEUROCAAS_INPUTS": str(request.inputs),
            "NEUROCAAS_OUTPUTS": str(request.outputs),
        }
        return start_bare(request, environment, slot.group)

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


def _jail(request: SandboxRequest) -> contextlib.AbstractContextManager[SandboxRequest]:
    from neurocaas_ci.run.sandbox.jail_root import jail

    return jail(request)


def _make_empty(started: Started) -> None:
    from neurocaas_ci.run.sandbox.jailed import make_empty

    make_empty(started)


def _working_slots(
    layout: Layout | None, isolation: IsolationLevel
) -> tuple[SlotPool, Layout | None]:
    """Return a pool that has proved to work, without control groups where they do not."""
    apart, keep_rights = isolation == "sandbox", isolation == "chroot"
    slots = SlotPool(layout, apart=apart, keep_rights=keep_rights)
    try:
        with slots.take(RunLimits()):
            return slots, layout
    except BackendUnavailableError:
        if layout is None:
            raise
        return SlotPool(None, apart=apart, keep_rights=keep_rights), None


def _isolation(level: IsolationLevel, layout: Layout | None, *, seccomp: bool) -> Isolation:
    enforced = ["memory", "processes", "file_size", "output_size", "output_files", "log_size"]
    if level != "none":
        enforced.append("tmp_size")
    return Isolation(
        level=level,
        user_namespace=level == "sandbox",
        network=level == "none",
        seccomp=seccomp,
        cgroup=layout.version if layout is not None else "none",
        enforced=(*enforced, "time"),
    )


def _asker(cancelled: Cancelled) -> Callable[[], bool]:
    if cancelled is None:
        return lambda: False
    return cancelled.is_set if isinstance(cancelled, threading.Event) else cancelled


def _failed_alone(ended: Ended, returned: int | None) -> bool:
    """Tell whether bubblewrap gave up by itself, before it could start the command."""
    return ended.stopped is None and not ended.oom_kills and returned == _BWRAP_FAILED


def _is_full(request: SandboxRequest, last_line: str) -> bool:
    """Tell whether a command that failed had no room left on this machine's disk.

    Its own words are believed only while the disk is nearly full: /tmp has a limit of its own.
    """
    disk = os.statvfs(request.outputs)
    free = disk.f_bavail * disk.f_frsize
    says_so = os.strerror(errno.ENOSPC) in last_line
    return free < _FULL or (says_so and free < DISK_RESERVE)


def _crowded(request: SandboxRequest) -> BackendUnavailableError:
    return BackendUnavailableError(
        f"this machine's disk is nearly full: less than {DISK_RESERVE >> 20} MiB are left",
        where=str(request.outputs),
        hint="free some space, or choose hardware with a larger disk, then reconcile again;"
        " nothing was recorded",
    )


def _overgrown(request: SandboxRequest) -> str | None:
    """Return the first output that could not grow any more."""
    with contextlib.suppress(OSError):
        for entry in walk(request.outputs):
            if entry.facts.st_size >= request.limits.file_size:
                return entry.path
    return None
