"""Start a command so that it waits, is bounded from outside, and only then runs."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.run.sandbox.cgroups import Group
from neurocaas_ci.run.sandbox.command import Descriptors, Mounts, Tools, bwrap_command
from neurocaas_ci.run.sandbox.request import SandboxRequest

_START_SECONDS = 30
_DESCRIPTORS = 4096
_GO = b"go\n"


@dataclass(slots=True)
class Started:
    """A command under way: the process this one waits for, and the first one of the run itself.

    `pidfd` becomes readable when nothing of a sandbox is left (the kernel ends pid 1 of a namespace
    last); `output` is the reading end of stdout and stderr; `status` that of bubblewrap's reports.
    A `supervisor` ends a run by itself when it is told to: killed, it could not.
    """

    process: subprocess.Popen[bytes]
    pid: int
    pidfd: int
    output: int
    status: int | None
    report: bytes = b""
    supervisor: bool = False

    def kill(self) -> None:
        """Kill the whole run: its pid namespace, or else its process group."""
        with contextlib.suppress(ProcessLookupError):
            number = signal.SIGTERM if self.supervisor else signal.SIGKILL
            signal.pidfd_send_signal(self.pidfd, number)
        if self.status is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def read_report(self) -> bool:
        """Take what bubblewrap reports; return False at its end."""
        if self.status is None:
            return False
        data = os.read(self.status, 4096)
        self.report += data
        return bool(data)

    def exit_code(self) -> int | None:
        """Return the command's exit code; None when it did not end by itself."""
        if self.status is None:
            code = self.process.returncode
            return code if code is None or code >= 0 else 128 - code
        for line in self.report.splitlines():
            with contextlib.suppress(ValueError):
                if "exit-code" in (entry := json.loads(line)):
                    return int(entry["exit-code"])
        return None

    def close(self) -> None:
        """Kill what is left, wait for it, and close all descriptors."""
        self.kill()
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        if self.process.poll() is None and not self.supervisor:
            self.process.kill()
        self.process.wait()
        for fd in (self.pidfd, self.output, self.status):
            if fd is not None:
                os.close(fd)


def start_sandboxed(
    request: SandboxRequest, tools: Tools, seccomp: bytes | None, group: Group | None, token: str
) -> Started:
    """Start bubblewrap, bound what it started, and let it go; call it in a launching thread.

    Raise BackendUnavailableError when the sandbox cannot be set up for this request.
    """
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
        output, output_end = pipe(ours, theirs)
        status, status_end = pipe(ours, theirs)
        # At the end of a pipe bubblewrap would go on, unbounded, should this process die before it
        # opens the gate. A datagram socket has no end of file: bubblewrap waits to be killed.
        gate, gate_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.callback(gate.close)
        theirs.callback(gate_end.close)
        descriptors = Descriptors(
            status_end, gate_end.fileno(), _memfd(seccomp, theirs), request.claim_fd
        )
        mounts = Mounts(request.root, request.inputs, request.outputs, request.limits.tmp_size)
        process = subprocess.Popen(
            bwrap_command(tools, mounts, descriptors, request.environment, request.command, token),
            stdin=subprocess.DEVNULL,
            stdout=output_end,
            stderr=output_end,
            pass_fds=descriptors.all(),
            env={},
            cwd="/",
        )
        ours.callback(process.wait)
        ours.callback(process.kill)
        theirs.close()
        if group is not None:
            # Where a process has to be moved the kernel may wait for milliseconds, but only the
            # first time: ask for it while bubblewrap is busy, what matters is then moved at once.
            with contextlib.suppress(OSError):
                group.add(process.pid)
        pid, report = child_pid(status)
        if pid is None:
            raise refused(request, process, output)
        try:
            pidfd = os.pidfd_open(pid)
            ours.callback(os.close, pidfd)
            # Pid 1 counts as well; since Linux 5.14 only tasks of this user namespace do.
            _set_limits(pid, request.limits, request.limits.processes + 1, group is None)
            if group is not None:
                group.add(pid)
                group.zero()
            gate.send(_GO)
        except (ProcessLookupError, ConnectionError):
            raise refused(request, process, output) from None
        os.set_blocking(output, False)
        gate.close()
        ours.pop_all()
    return Started(process, pid, pidfd, output, status, report)


def start_bare(
    request: SandboxRequest, environment: dict[str, str], group: Group | None
) -> Started:
    """Start a command without isolation, but with the same limits; call it in a launching thread.

    Paths of the command that exist in the root, and those below /inputs and /outputs, are
    translated, because nothing is mounted there.
    """
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
        output, output_end = pipe(ours, theirs)
        # The shell waits for a line; at end of file, should this process die, it starts nothing.
        wait = ("/bin/sh", "-c", 'read -r _ && exec "$@" </dev/null', "sh")
        process = subprocess.Popen(
            [*wait, *(_outside(request, word) for word in request.command)],
            stdin=subprocess.PIPE,
            stdout=output_end,
            stderr=output_end,
            env=environment,
            cwd=request.outputs,
            start_new_session=True,
        )
        ours.callback(process.wait)
        ours.callback(process.kill)
        theirs.close()
        pidfd = os.pidfd_open(process.pid)
        ours.callback(os.close, pidfd)
        tasks = request.limits.processes + _tasks_of_user(os.geteuid())
        _set_limits(process.pid, request.limits, tasks, group is None)
        if group is not None:
            group.add(process.pid)
            group.zero()
        assert process.stdin is not None  # noqa: S101 - asked for above
        process.stdin.write(_GO)
        process.stdin.close()
        os.set_blocking(output, False)
        ours.pop_all()
    return Started(process, process.pid, pidfd, output, None)


def _outside(request: SandboxRequest, word: str) -> str:
    for inside, folder in (("/inputs", request.inputs), ("/outputs", request.outputs)):
        if word == inside or word.startswith(f"{inside}/"):
            return f"{folder}{word.removeprefix(inside)}"
    inner = Path(f"{request.root}{word}")
    return str(inner) if word.startswith("/") and inner.exists() else word


def pipe(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[int, int]:
    """Return (reading end, writing end); the one is closed by `ours`, the other by `theirs`."""
    reading, writing = os.pipe()
    ours.callback(os.close, reading)
    theirs.callback(os.close, writing)
    return reading, writing


def _memfd(data: bytes | None, owner: contextlib.ExitStack) -> int | None:
    # One per run: a shared one would share its read position as well.
    if data is None:
        return None
    fd = os.memfd_create("seccomp")
    owner.callback(os.close, fd)
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def child_pid(status: int) -> tuple[int | None, bytes]:
    """Wait for the first report of what confines a run; return None when it ended without one."""
    poller = select.poll()
    poller.register(status, select.POLLIN)
    deadline = time.monotonic() + _START_SECONDS
    report = b""
    while not report.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not poller.poll(left * 1000):
            raise BackendUnavailableError(
                f"the sandbox did not start within {_START_SECONDS} seconds",
                hint="the machine is overloaded; run the same command again",
            )
        if not (data := os.read(status, 4096)):
            return None, report
        report += data
    return int(json.loads(report.splitlines()[0])["child-pid"]), report


def _set_limits(pid: int, limits: RunLimits, tasks: int, address_space: bool) -> None:
    """Bound a process and all that it will start; works for processes of the same user only."""
    for kind, value in resource_limits(limits, tasks, address_space=address_space).items():
        _, hard = resource.prlimit(pid, kind)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.prlimit(pid, kind, (bound, bound))


def resource_limits(limits: RunLimits, tasks: int, *, address_space: bool) -> dict[int, int]:
    """Return the limit of each resource (see getrlimit(2)) that bounds a run by itself."""
    wanted = {
        resource.RLIMIT_NPROC: tasks,
        resource.RLIMIT_FSIZE: limits.file_size,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: _DESCRIPTORS,
    }
    return {**wanted, resource.RLIMIT_AS: limits.memory} if address_space else wanted


def _tasks_of_user(uid: int) -> int:
    """Count the tasks of a user, all of which share one RLIMIT_NPROC without a user namespace."""
    count = 0
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdecimal() and os.stat(f"/proc/{name}").st_uid == uid:
                count += len(os.listdir(f"/proc/{name}/task"))
    return count


def refused(
    request: SandboxRequest, process: subprocess.Popen[bytes], output: int
) -> BackendUnavailableError:
    """Explain why what confines a run did not start the command, from what it wrote."""
    process.kill()
    process.wait()
    os.set_blocking(output, False)
    with contextlib.suppress(BlockingIOError):
        return refusal(request, os.read(output, 65536))
    return refusal(request, b"")


def refusal(request: SandboxRequest, output: bytes) -> BackendUnavailableError:
    """Explain why bubblewrap, or the jail, did not start the command."""
    text = output.decode("utf-8", "replace").strip()
    hint = "run `neurocaas try` on another machine, or report this with the text above"
    if "Can't find source path" in text or "Permission denied" in text:
        hint = "every folder above these files must be searchable (mode o+x) for uid 65534"
    elif "Read-only file system" in text or "Can't mkdir" in text:
        hint = "the root must hold the folders proc, dev, tmp, inputs and outputs; build it again"
    elif "No space left" in text or "Resource temporarily unavailable" in text:
        hint = "the machine is short of memory or processes; run fewer at once"
    elif text.startswith("jail: "):
        hint = "a chroot needs a container with one worker in it, as a task of Fargate is"
    return BackendUnavailableError(
        f"the sandbox could not be set up: {text or 'nothing was said'}",
        where=str(request.root),
        hint=hint,
    )
