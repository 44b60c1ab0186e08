"""Tell whether a machine is used for the first time: every use leaves a line on its own disk."""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = "NEUROCAAS_MACHINE_FOLDER"
"""The variable that names a folder on the machine itself, which lives and dies with its disk."""

_USES = "uses.jsonl"
_STAT, _BOOT_ID = Path("/proc/stat"), Path("/proc/sys/kernel/random/boot_id")


def note_use(folder: Path, job: str, run: str) -> dict[str, Any]:
    """Write down that a worker begins here, and return the evidence of what was before.

    `first` says whether nothing was: no worker of whatever job or group has left a line. `before`
    counts uses, `others` those by other runs. It is None where the folder cannot be used; `why`
    says so. `booted` is when the kernel started, UTC, `boot_id` the kernel's name for that.
    """
    facts: dict[str, Any] = {"booted": _booted(), "boot_id": _BOOT_ID.read_text().strip()}
    mine = {"job": job, "run": run}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / _USES, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        with open(descriptor, "rb+") as stream:
            # Two workers that begin at once are not both the first.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            before = stream.read().splitlines()
            line = json.dumps({**mine, "time": datetime.now(UTC).isoformat(timespec="seconds")})
            # A line that was cut off by a crash is one more use.
            stream.write(f"{line}\n".encode())
            stream.flush()
            os.fsync(descriptor)
    except OSError as error:
        return {"first": None, "why": f"{error.strerror}: {folder}", **facts}
    others = sum(not _is_mine(line, mine) for line in before)
    return {"first": not before, "before": len(before), "others": others, **facts}


def _is_mine(line: bytes, mine: dict[str, str]) -> bool:
    try:
        found = json.loads(line)
        return {name: found[name] for name in mine} == mine
    except (ValueError, KeyError, TypeError):
        return False


def _booted() -> str | None:
    for line in _STAT.read_text().splitlines():
        name, _, seconds = line.partition(" ")
        if name == "btime":
            return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
    return None
