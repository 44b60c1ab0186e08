"""The process of root around one run in a chroot: confines it, watches over it, ends all that it left.

Started as a program of its own (`python -I -S jail.py`, by `jailed.py`), so nothing of this package is
imported. Standard input brings one line of JSON, then `go`; its end ends the run. What happened is
reported as bubblewrap does it: a line with the child's pid, one with its exit code, and `{"empty": true}`
when nothing of the run is left. Without a pid namespace that is found out in two ways: orphans become
children of this process, and all that has the user of runs is the run's, for nobody else may have it.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NoReturn

_NOBODY = 65534
# Who kills has nobody's rights to signal, and is nobody whom a run could signal (kill(2)).
_KILLER = 65533
_CAPABILITIES = 64
_PAUSE_S = 0.01
CHECKED = 7
"""The exit code of a child without a command, when everything was as it should be."""
NOT_STARTED = 127

# linux/prctl.h, linux/seccomp.h, linux/capability.h
_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP = 22
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION = 0x20080522


class _Program(ctypes.Structure):
    """A struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def main() -> int:
    """Do what standard input says; return the exit code of this process."""
    wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    control = os.dup(0)
    spec = json.loads(_line(control))
    if spec.get("sweep"):
        _sweep()
        return 0
    report = os.fdopen(spec["status"], "w")
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "become the parent of orphans")
    # Whoever sees these processes has this folder: no second run can begin before this one's end.
    place = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return _refuse("another run is going on in this container")
    if stranger := next(_theirs(), None):
        return _refuse(f"process {stranger} has the user of runs, {_NOBODY}, and is no run")
    waits, go = os.pipe()
    confined, confirms = os.pipe()
    child = os.fork()
    if child == 0:
        _become(spec, libc, waits, confirms)
    os.close(waits)
    os.close(confirms)
    if not os.read(confined, 1):
        return 1
    _tell(report, {"child-pid": child})
    code = None
    if _line(control) == "go":
        os.write(go, b"g")
        code = _follow(child, control, wake)
    _sweep()
    if code is not None:
        _tell(report, {"exit-code": code})
    _tell(report, {"empty": True})
    return 0


def _become(spec: dict[str, Any], libc: ctypes.CDLL, waits: int, confirms: int) -> NoReturn:
    """Turn this process into the run; never return."""
    what = "begin"
    try:
        with suppress(OSError), open("/proc/self/oom_score_adj", "w") as stream:
            # Where memory gets short, the run goes first and not who records its end.
            stream.write("1000")
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        for fd in sorted(int(name) for name in os.listdir("/proc/self/fd")):
            if fd > 2 and fd not in {waits, confirms}:  # noqa: PLR2004 - the standard streams
                with suppress(OSError):
                    os.close(fd)
        os.setsid()
        what = "enter its root"
        os.chroot(spec["root"])
        os.chdir("/tmp")  # noqa: S108 - inside
        what = "set its limits"
        for kind, value in spec["limits"]:
            _, hard = resource.getrlimit(kind)
            bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (bound, bound))
        what = "drop its rights"
        for number in range(_CAPABILITIES):
            libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        header, none = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
        _check(libc.capset(header, none), "drop capabilities")
        _check(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "end with its parent")
        what = "filter its system calls"
        _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "forbid new privileges")
        code = bytes.fromhex(spec["filter"])
        program = _Program(len(code) // 8, code)
        _check(
            libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
            "load the filter",
        )
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.write(confirms, b"c")
        if not os.read(waits, 1):
            os._exit(NOT_STARTED)
        if not spec["command"]:
            os._exit(_checked())
        what = "start its command"
        line = spec["command"]
        os.execvpe(line[0], line, spec["environment"])  # noqa: S606 - a run is no shell's
    except OSError as error:
        named = f": {error.filename}" if error.filename else ""
        os.write(2, f"jail: could not {what}{named}: {error.strerror}\n".encode())
    finally:
        os._exit(NOT_STARTED)


def _checked() -> int:
    """Try what a run must not be able to do; return `CHECKED` when it is not."""
    attempts: dict[str, Callable[[], object]] = {
        "become root": lambda: os.setuid(0),
        "use the network": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "write into its root": lambda: os.mkdir("/x"),
        "leave its root": lambda: os.chroot("/tmp"),  # noqa: S108 - inside
    }
    for name, attempt in attempts.items():
        try:
            attempt()
        except OSError:
            continue
        os.write(2, f"jail: a run could {name}\n".encode())
        return NOT_STARTED
    return CHECKED


def _follow(child: int, control: int, wake: int) -> int | None:
    """Wait for the end of the child, and return its code; None when the run was ended before."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(wake, select.POLLIN)
    while True:
        found = dict(poll.poll())
        if wake in found:
            numbers = os.read(wake, 512)
            ended = dict(_reap())
            if child in ended:
                code = os.waitstatus_to_exitcode(ended[child])
                return code if code >= 0 else 128 - code
            if any(number != signal.SIGCHLD for number in numbers):
                return None
        if control in found:
            return None


def _sweep() -> None:
    """Kill all processes of the user of runs, however they hide, and wait for their ends."""
    while True:
        killer = os.fork()
        if killer == 0:
            # The kernel signals all of them at once, and none of them can fork meanwhile.
            with suppress(OSError):
                os.setgroups([])
                os.setresuid(_KILLER, _NOBODY, _KILLER)
                os.kill(-1, signal.SIGKILL)
            os._exit(0)
        os.waitpid(killer, 0)
        for _ in _reap():
            pass
        if next(_theirs(), None) is None:
            return
        time.sleep(_PAUSE_S)


def _reap() -> Iterator[tuple[int, int]]:
    """Yield pid and status of children that have ended."""
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            yield found


def _theirs() -> Iterator[int]:
    """Yield the processes that have the user of runs, or the one that ends them."""
    for name in os.listdir("/proc"):
        with suppress(OSError, LookupError, ValueError):
            pid = int(name)
            with open(f"/proc/{pid}/status") as stream:
                facts = dict(line.split(":", 1) for line in stream if ":" in line)
            users = {int(word) for word in facts["Uid"].split()}
            if users & {_NOBODY, _KILLER} and facts["State"].split()[0] not in "ZX":
                yield pid


def _line(control: int) -> str:
    """Read one line; what there is of it at the end of the file."""
    data = b""
    while not data.endswith(b"\n"):
        try:
            piece = os.read(control, 1)
        except ConnectionError:
            break
        if not piece:
            break
        data += piece
    return data.decode().strip()


def _tell(report: Any, fact: dict[str, Any]) -> None:
    # Nobody may be left who reads it.
    with suppress(OSError):
        report.write(json.dumps(fact) + "\n")
        report.flush()


def _refuse(why: str) -> int:
    os.write(2, f"jail: {why}\n".encode())
    return 1


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


if __name__ == "__main__":
    sys.exit(main())
