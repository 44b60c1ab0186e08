"""Walk a folder that somebody hostile may have filled, without ever following a link."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from neurocaas_ci.named import NamedTuple

MAX_DEPTH = 64


class Entry(NamedTuple):
    """Something below the folder; `path` is relative, undecodable bytes are surrogates."""

    path: str
    facts: os.stat_result


def walk(folder: Path, *, unlock: bool = False) -> Iterator[Entry]:
    """Yield everything below a folder but folders that lie at most `MAX_DEPTH` deep.

    A deeper folder is yielded and not entered. `unlock` makes folders without the owner's
    permissions readable and writable, which is only safe once nobody else changes the tree.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield from _below(fd, "", 1, unlock=unlock)
    finally:
        os.close(fd)


def disk_use(folder: Path, max_files: int) -> tuple[int, int]:
    """Return (bytes on disk, files) below a folder in use; stop counting beyond `max_files`."""
    size = files = 0
    # What vanishes or cannot be read while the run goes on is judged after its end.
    with contextlib.suppress(OSError):
        for entry in walk(folder):
            size += entry.facts.st_blocks * 512
            files += 1
            if files > max_files:
                break
    return size, files


def _below(fd: int, prefix: str, depth: int, *, unlock: bool) -> Iterator[Entry]:
    with os.scandir(fd) as found:
        names = sorted(entry.name for entry in found) if unlock else [e.name for e in found]
    for name in names:
        try:
            facts = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            continue
        entry = Entry(f"{prefix}{name}", facts)
        if not stat.S_ISDIR(facts.st_mode) or depth > MAX_DEPTH:
            yield entry
            continue
        if unlock and facts.st_mode & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(name, 0o700, dir_fd=fd)
        try:
            inner = os.open(
                name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd
            )
        except OSError:
            if unlock:
                raise
            continue
        try:
            yield from _below(inner, f"{entry.path}/", depth + 1, unlock=unlock)
        finally:
            os.close(inner)
