"""Threads that start sandboxes, as nobody and inside a control group, so that nothing has to move.

Users, groups and (on version 1) control groups belong to threads in Linux; a child inherits those
of the thread that starts it. A thread that has dropped its rights and joined a group once starts
any number of bounded runs, where `setpriv` and a move per run would cost 1.5 ms of CPU and about
6 ms of waiting for an RCU grace period each.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import queue
import socket
import struct
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, TypeVar

from neurocaas_ci.errors import SandboxUnavailableError
from neurocaas_ci.run.sandbox.command import NOBODY

T = TypeVar("T")

# setgroups, setresgid, setresuid. The C library's own functions change all threads of a process.
_NUMBERS = {"x86_64": (116, 119, 117), "aarch64": (159, 149, 147)}
_PR_SET_DUMPABLE = 4
# linux/sched.h, linux/mount.h
_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000
_MS_REC = 0x4000
_MS_SLAVE = 0x80000
_MNT_DETACH = 2
# linux/sockios.h, linux/if.h
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
# Kernel file systems: no root, input or output ever lies below them.
_NEEDLESS = ("/sys", "/dev/", "/proc/", "/boot")


class Launcher:
    """One thread that runs functions for others, one at a time."""

    def __init__(
        self, prepare: Callable[[int], None] | None = None, *, apart: bool = False
    ) -> None:
        """Start the thread; `prepare` is called in it with its thread id before rights are dropped.

        With `apart` root's threads get namespaces of their own, see `_move_apart`; `own_network`
        then says whether what the thread starts has no network already.

        Raise what `prepare` raises, and SandboxUnavailableError when rights cannot be dropped.
        """
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="launcher", daemon=True)
        self._thread.start()
        try:
            self.own_network = self.call(lambda: _settle(prepare, apart=apart))
        except BaseException:
            self.close()
            raise

    def call(self, function: Callable[[], T], undo: Callable[[T], None] | None = None) -> T:
        """Run a function in the thread and return or raise what it does.

        When this wait is interrupted, `undo` gets what the function returns.
        """
        answer: queue.SimpleQueue[Callable[[], T]] = queue.SimpleQueue()

        def work() -> None:
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - raised in the calling thread
                answer.put(partial(_throw, error))
            else:
                answer.put(lambda: result)

        self._work.put(work)
        try:
            known = answer.get()
        except BaseException:
            if undo is not None:
                # In the same thread, so the answer is there by then.
                self._work.put(lambda: _undo(answer.get(), undo))
            raise
        return known()

    def close(self) -> None:
        """End the thread; the kernel kills every sandbox that it still has."""
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()


def _throw(error: BaseException) -> NoReturn:
    raise error


def _undo(answer: Callable[[], T], undo: Callable[[T], None]) -> None:
    try:
        result = answer()
    except BaseException:  # noqa: BLE001 - nobody waits for it any more
        return
    undo(result)


def _settle(prepare: Callable[[int], None] | None, *, apart: bool) -> bool:
    if prepare is not None:
        prepare(threading.get_native_id())
    if os.geteuid() != 0:
        return False
    own_network = apart and _move_apart()
    _drop_rights()
    return own_network


def _move_apart() -> bool:
    """Give this thread an empty network and a short list of mounts; tell whether it has the former.

    Every sandbox starts from what its starter sees. To make a network namespace costs about 2 ms of
    CPU and to take it down again much more time, so the runs of one thread, which follow each other,
    share one that this machine's root owns: they cannot change it, and nothing in it outlives them.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) == 0:
        _forget_mounts(libc)
    if libc.unshare(_CLONE_NEWNET) != 0:
        return False
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", _IFF_UP)
        fcntl.ioctl(control, _SIOCSIFFLAGS, request)
    return True


def _forget_mounts(libc: ctypes.CDLL) -> None:
    """Detach what no run needs: bubblewrap reads the whole list of mounts for each of its binds."""
    if libc.mount(None, b"/", None, _MS_REC | _MS_SLAVE, None) != 0:
        return
    with open("/proc/thread-self/mountinfo", encoding="utf-8") as stream:
        points = [line.split()[4] for line in stream]
    # The last mounted first: what lies on top of another has to go before it.
    for point in reversed(points):
        if point.startswith(_NEEDLESS):
            libc.umount2(os.fsencode(point), _MNT_DETACH)


def _drop_rights() -> None:
    """Make this thread, and no other one, nobody for good."""
    numbers = _NUMBERS.get(os.uname().machine)
    if numbers is None:
        raise SandboxUnavailableError(
            f"root cannot drop its rights on {os.uname().machine}",
            where="sandbox",
            hint="run as an ordinary user",
        )
    setgroups, setresgid, setresuid = numbers
    # Other processes of nobody's must not trace this one through its weaker thread. The kernel sees
    # to that by itself unless fs.suid_dumpable says otherwise.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    _syscall(setgroups, 0, None)
    _syscall(setresgid, NOBODY, NOBODY, NOBODY)
    _syscall(setresuid, NOBODY, NOBODY, NOBODY)


def _syscall(number: int, *arguments: Any) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ctypes.c_long(number), *arguments) != 0:
        code = ctypes.get_errno()
        raise SandboxUnavailableError(
            f"root may not become uid {NOBODY}: {os.strerror(code)}",
            where="sandbox",
            hint="give this container the capabilities SETUID and SETGID, or run as a user",
        )
