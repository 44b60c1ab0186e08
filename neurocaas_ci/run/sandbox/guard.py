"""A guard process that kills half-started sandboxes when their caller dies.

Bubblewrap binds itself to its caller with PR_SET_PDEATHSIG, but the processes that it starts bind
themselves to it only at the end of their set-up. A caller killed in these milliseconds would leave
a sandbox that nobody watches. The guard waits for the caller's end and then kills all bubblewrap
processes that carry its token.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import threading

from neurocaas_ci.run.sandbox.processes import owner_token

# Reads the token, then waits for the end of the pipe; "bye" is an orderly end. A new sandbox may
# still be on its way when its caller dies, hence two seconds of looking.
_SCRIPT = """
read -r token || exit 0
while read -r word; do [ "$word" = bye ] && exit 0; done
round=0
while [ $round -lt 20 ]; do
  for file in $(printf '%s\\n' "$token" | grep -lsFf - /proc/[0-9]*/cmdline); do
    folder=${file%/cmdline}
    read -r name < "$folder/comm" && [ "$name" = bwrap ] && kill -9 "${folder#/proc/}"
  done
  round=$((round + 1))
  sleep 0.1
done
"""

_lock = threading.Lock()
_guards: dict[int, subprocess.Popen[bytes]] = {}


def sandbox_token() -> str:
    """Return the word that all sandboxes of this process carry on their command line."""
    return f"neurocaas-sandbox:{owner_token()}"


def ensure_guard() -> None:
    """Start the guard of this process unless it is there."""
    with _lock:
        if os.getpid() in _guards:
            return
        guard = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin"},
            cwd="/",
            start_new_session=True,
        )
        assert guard.stdin is not None  # noqa: S101 - asked for above
        guard.stdin.write(f"{sandbox_token()}\n".encode())
        guard.stdin.flush()
        _guards[os.getpid()] = guard
        atexit.register(_dismiss, os.getpid())


def _dismiss(owner: int) -> None:
    guard = _guards.pop(owner, None)
    if guard is None or owner != os.getpid() or guard.stdin is None:
        return
    with contextlib.suppress(OSError):
        guard.stdin.write(b"bye\n")
        guard.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        guard.wait(1)
