"""Checks of the home folder: that it can be written, has room, and that no lock in it is stuck."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from neurocaas_ci.doctor.check import Check, Outcome, fail, ok, warn
from neurocaas_ci.run.home import Home

_GB = 10**9
_NEEDED, _WANTED = 1 * _GB, 10 * _GB
_LONG_SECONDS = 86_400
_LOCKS = Path("/proc/locks")
# proc(5): "1: FLOCK  ADVISORY  WRITE 708 08:02:1234 0 EOF"
_HOLDER = re.compile(r"\d+: FLOCK\s+\S+\s+WRITE\s+(\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) .*")


def checks(home: Home) -> list[Check]:
    """Return the checks of one home."""
    folders = [home.root] if home.shared_cache is None else [home.root, home.shared_cache]
    return [
        Check("home", lambda: _writable(folders)),
        Check("disk", lambda: _room(folders)),
        Check("locks", lambda: _locks(home.root / "store" / "locks")),
        *([Check("store", lambda: _exclusive(home))] if home.store else []),
    ]


def _exclusive(home: Home) -> Outcome:
    """See that the store answers, takes documents, and gives a claim to one at a time."""
    key = f"doctor/{os.uname().nodename}"
    with home.state.claim(key, wait=False) as claim:
        if claim is None:
            return ok(f"{home.store} answers; another doctor is at work from here")
        home.state.write(key, b"", claim=claim)
        with home.state.claim(key, wait=False) as second:
            if second is not None:
                return fail(
                    f"{home.store} gives a claim to two at once: it ignores If-None-Match",
                    "use Amazon S3, or a server that knows conditional writes",
                )
    home.state.erase(key)
    return ok(f"{home.store} can be read and written, and keeps claims apart")


def _writable(folders: list[Path]) -> Outcome:
    for folder in folders:
        try:
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
                file.write(b"x")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            fix = f"give yourself the folder (chown, chmod u+rwx), or name another with {_variable(folders, folder)}"
            return fail(f"{folder} cannot be written: {error.strerror}", fix)
    return ok(", ".join(map(str, folders)))


def _room(folders: list[Path]) -> Outcome:
    free = {folder: shutil.disk_usage(folder).free for folder in folders}
    folder = min(free, key=lambda one: free[one])
    message = f"{free[folder] / _GB:.1f} GB free in {folder}"
    fix = f"make room, or name a folder on a larger disk with {_variable(folders, folder)}"
    if free[folder] < _NEEDED:
        return fail(message, fix)
    return warn(message, fix) if free[folder] < _WANTED else ok(message)


def _variable(folders: list[Path], folder: Path) -> str:
    return "NEUROCAAS_HOME" if folder == folders[0] else "NEUROCAAS_CACHE"


def _locks(folder: Path) -> Outcome:
    """Look for a claim whose holder makes no progress; one of a dead process is gone by itself."""
    held = list(_held(folder))
    for pid, name, age in held:
        stopped = _state(pid) in {"T", "t"}
        if stopped or age > _LONG_SECONDS:
            how = "is stopped" if stopped else f"holds it for {age // 3600:.0f} hours"
            fix = f"`kill -CONT {pid}` lets it go on, `kill {pid}` ends it and frees the claim"
            return warn(f"process {pid}, which holds {name!r}, {how}", fix)
    return ok(f"{len(held)} held, none is stuck" if held else "none is held")


def _held(folder: Path) -> Iterator[tuple[int, str, float]]:
    """Yield process, name and age in seconds of each claim that is held now."""
    try:
        lines = _LOCKS.read_text().splitlines()
    except OSError:
        return
    matches = (_HOLDER.fullmatch(line) for line in lines)
    holders = {
        (int(match[2], 16), int(match[3], 16), int(match[4])): int(match[1])
        for match in matches
        if match
    }
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        place = (os.major(status.st_dev), os.minor(status.st_dev), status.st_ino)
        if place in holders:
            yield holders[place], path.name, time.time() - status.st_mtime


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
