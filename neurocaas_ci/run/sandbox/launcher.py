"""Threads that start sandboxes, as nobody and inside a control group, so that nothing has to move.

Users, groups and (on version 1) control groups belong to threads in Linux; a child inherits those
of the thread that starts it. A thread that has dropped its rights and joined a group once starts
any number of bounded runs, where `setpriv` and a move per run would cost 1.5 ms of CPU and about
6 ms of waiting for an RCU grace period each.
"""

from __future__ import annotations

import ctypes
import os
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, TypeVar

from neurocaas_ci.errors import SandboxUnavailableError
from neurocaas_ci.run.sandbox.apart import Apart, move_apart
from neurocaas_ci.run.sandbox.command import NOBODY

T = TypeVar("T")

# setgroups, setresgid, setresuid. The C library's own functions change all threads of a process.
_NUMBERS = {"x86_64": (116, 119, 117), "aarch64": (159, 149, 147)}
_PR_SET_DUMPABLE = 4


class Launcher:
    """One thread that runs functions for others, one at a time."""

    def __init__(
        self,
        prepare: Callable[[int], None] | None = None,
        *,
        apart: bool = False,
        keep_rights: bool = False,
    ) -> None:
        """Start the thread; `prepare` is called in it with its thread id before rights are dropped.

        With `apart` root's threads get namespaces of their own; `apart` then says what is in them.
        Root's rights are dropped unless they are to be kept.

        Raise what `prepare` raises, and SandboxUnavailableError when rights cannot be dropped.
        """
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="launcher", daemon=True)
        self._thread.start()
        try:
            self.apart = self.call(lambda: _settle(prepare, apart=apart, keep_rights=keep_rights))
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


def _settle(prepare: Callable[[int], None] | None, *, apart: bool, keep_rights: bool) -> Apart:
    if prepare is not None:
        prepare(threading.get_native_id())
    if os.geteuid() != 0 or keep_rights:
        return Apart()
    found = move_apart() if apart else Apart()
    _drop_rights()
    return found


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
