"""Start a command in a chroot, where the machine makes no namespaces: the side of the worker."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from neurocaas_ci.errors import BackendUnavailableError, SandboxUnavailableError
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.run.sandbox import jail
from neurocaas_ci.run.sandbox.cgroups import Group
from neurocaas_ci.run.sandbox.jail_root import jail as make_root
from neurocaas_ci.run.sandbox.request import SandboxRequest
from neurocaas_ci.run.sandbox.spawn import (
    Started,
    child_pid,
    pipe,
    refusal,
    refused,
    resource_limits,
)

_WHERE = "chroot"
_SECONDS = 60
# Isolated, and without what a site has installed: this process is root.
_SUPERVISOR = (sys.executable, "-I", "-S", str(Path(jail.__file__)))


def start_jailed(request: SandboxRequest, seccomp: bytes, group: Group | None) -> Started:
    """Start what watches over a run, bound the run, and let it go; call it with root's rights.

    The request names folders in a root of its own. Raise BackendUnavailableError when the run cannot be
    confined.
    """
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
        output, output_end = pipe(ours, theirs)
        status, status_end = pipe(ours, theirs)
        inherited = (status_end,) if request.claim_fd is None else (status_end, request.claim_fd)
        process = _supervise(output_end, inherited)
        ours.callback(process.wait)
        ours.callback(process.kill)
        theirs.close()
        if group is not None:
            group.add(process.pid)
            group.zero()
        limits = resource_limits(
            request.limits, request.limits.processes, address_space=group is None
        )
        order = {
            "root": str(request.root),
            "command": list(request.command),
            # Bubblewrap says where it starts the command, so every run knows.
            "environment": {**request.environment, "PWD": "/tmp"},  # noqa: S108 - inside
            "filter": seccomp.hex(),
            "limits": list(limits.items()),
            "status": status_end,
        }
        try:
            _tell(process, json.dumps(order))
            pid, report = child_pid(status)
            if pid is None:
                raise refused(request, process, output)
            _tell(process, "go")
        except BrokenPipeError:
            raise refused(request, process, output) from None
        pidfd = os.pidfd_open(process.pid)
        os.set_blocking(output, False)
        ours.pop_all()
    return Started(process, process.pid, pidfd, output, status, report, supervisor=True)


def make_empty(started: Started) -> None:
    """Make sure that nothing of a run is left; its supervisor has seen to that unless it was killed.

    Raise BackendUnavailableError when something may be left.
    """
    if any(b'"empty"' in line for line in started.report.splitlines()):
        return
    with contextlib.ExitStack() as theirs:
        output, output_end = os.pipe()
        theirs.callback(os.close, output)
        process = _supervise(output_end, ())
        os.close(output_end)
        with contextlib.suppress(BrokenPipeError):
            _tell(process, json.dumps({"sweep": True}))
        try:
            code = process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    if code:
        raise BackendUnavailableError(
            "processes of the run may be left in this container",
            where=_WHERE,
            hint="end the container, then run again",
        )


def try_jail(seccomp: bytes | None, scratch: Path) -> None:
    """Confine a process that tries what it must not be able to do.

    Raise SandboxUnavailableError, with what to do, where a run cannot be confined.
    """
    if os.geteuid() != 0:
        raise SandboxUnavailableError(
            "only root can confine a run by chroot",
            where=_WHERE,
            hint="run the worker's container as root, as AWS does; or use `--isolation sandbox`",
        )
    if seccomp is None:
        raise explain(f"there is no filter of system calls for {os.uname().machine}")
    with tempfile.TemporaryDirectory(dir=scratch, prefix="probe-") as folder:
        parts = [Path(folder, name) for name in ("image", "inputs", "outputs")]
        for part in parts:
            part.mkdir()
        image, inputs, outputs = parts
        request = SandboxRequest(
            image, (), {}, inputs, outputs, Path(folder, "log"), RunLimits(), _SECONDS
        )
        with make_root(request) as placed:
            try:
                started = start_jailed(placed, seccomp, None)
            except BackendUnavailableError as error:
                raise explain(error.message) from error
            with contextlib.closing(started):
                while started.read_report():
                    pass
                started.process.wait(_SECONDS)
                said = os.read(started.output, 4096).decode("utf-8", "replace").strip()
            make_empty(started)
    if started.exit_code() != jail.CHECKED:
        raise explain(said or refusal(request, b"").message)


def explain(failure: str) -> SandboxUnavailableError:
    """Return the error for what went wrong, with the way out."""
    if "user of runs" in failure or "another run" in failure:
        fix = "give each worker a container of its own, with a pid namespace, as Fargate does"
    elif "filter" in failure:
        fix = "the container's own filter must allow prctl and seccomp, as Docker's does"
    else:
        fix = (
            "the container needs the capabilities SYS_CHROOT, SETUID, SETGID and KILL, as Docker gives"
            " them, and /proc"
        )
    return SandboxUnavailableError(
        f"a run cannot be confined by chroot here: {failure}",
        where=_WHERE,
        hint=f"{fix}; or, for workflows that you trust, use `--isolation none`, which is recorded",
    )


def _supervise(output: int, inherited: tuple[int, ...]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        _SUPERVISOR,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        pass_fds=inherited,
        env={},
        cwd="/",
        # A signal to the group of the worker must not end who has to end the run.
        start_new_session=True,
    )


def _tell(process: subprocess.Popen[bytes], line: str) -> None:
    assert process.stdin is not None  # noqa: S101 - `_supervise` asks for it
    process.stdin.write(line.encode() + b"\n")
    process.stdin.flush()
