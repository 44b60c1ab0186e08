"""Turn the end of a run into a reason and a sentence; I/O is not handled here."""

from __future__ import annotations

import signal
from typing import NamedTuple

from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.run import Reason

_SIGNAL_BASE = 128
_RAISE = "in the step of the blueprint"


class End(NamedTuple):
    """What is known of an end; `stopped` and `detail` come from the watcher.

    `overgrown` names an output that reached the limit of a file, `last_line` ends the log.
    """

    stopped: Reason | None
    detail: str
    exit_code: int | None
    oom_kills: int
    last_line: str
    overgrown: str | None


def signal_of(exit_code: int | None) -> int | None:
    """Return the signal behind an exit code by the shell's convention, None when there is none."""
    if exit_code is None or exit_code <= _SIGNAL_BASE:
        return None
    number = exit_code - _SIGNAL_BASE
    return number if number in {s.value for s in signal.Signals} else None


def judge(end: End, limits: RunLimits, max_runtime: int) -> tuple[Reason, str]:
    """Return the reason and, unless all went well, what happened and what to do."""
    if end.stopped is not None or end.oom_kills > 0:
        return _stopped(end, limits, max_runtime)
    number = signal_of(end.exit_code)
    reason: Reason = "exited"
    message = ""
    if end.overgrown is not None and end.exit_code:
        reason = "output_limit"
        message = (
            f"{end.overgrown} reached the limit of {limits.file_size:,} bytes for one file;"
            f" raise limits.file_size {_RAISE}"
        )
    elif end.exit_code is None:
        reason, message = "killed", "the sandbox was killed from outside; reconcile again"
    elif number is not None:
        reason = "killed"
        message = f"it was killed by {signal.Signals(number).name}{_quote(end.last_line)}"
    elif end.exit_code:
        reason = "nonzero_exit"
        message = (
            f"it exited with status {end.exit_code}{_quote(end.last_line)}{_advice(end, limits)}"
        )
    return reason, message


def _stopped(end: End, limits: RunLimits, max_runtime: int) -> tuple[Reason, str]:
    if end.stopped == "cancelled":
        return "cancelled", "the run was cancelled"
    if end.stopped == "time_limit":
        return "time_limit", (
            f"it ran longer than {max_runtime} s and was killed; raise max_runtime {_RAISE}"
            f" or of the job{_quote(end.last_line)}"
        )
    if end.stopped == "output_limit":
        return "output_limit", (
            f"{end.detail} and the run was killed; write less there, or raise limits {_RAISE}"
        )
    return "memory_limit", _memory(end, limits)


def _memory(end: End, limits: RunLimits) -> str:
    who = "the run was"
    if end.oom_kills and end.stopped is None and end.exit_code == 0:
        who = "a child process was"
    return (
        f"{who} killed for using more than {limits.memory:,} bytes of memory;"
        f" raise limits.memory {_RAISE}, or use less at once"
    )


def _advice(end: End, limits: RunLimits) -> str:
    """Say which limit an error text points at; the text is the command's own, so it is a hint."""
    text = end.last_line
    if "No space left on device" in text:
        return f"; /tmp holds {limits.tmp_size:,} bytes (limits.tmp_size)"
    if "Resource temporarily unavailable" in text or "can't start new thread" in text:
        return f"; a run may have {limits.processes} processes and threads (limits.processes)"
    if "MemoryError" in text or "Cannot allocate memory" in text or "bad_alloc" in text:
        return f"; a run may use {limits.memory:,} bytes (limits.memory)"
    if "Read-only file system" in text or "Permission denied" in text:
        return "; only /outputs and /tmp are writable"
    if text.startswith(("bwrap: execvp", "jail: could not start")):
        return "; the environment has no such program"
    return ""


def _quote(line: str) -> str:
    return f"; the log ends with: {line}" if line else ""
