"""A registry in a working folder, as it lies there, committed or not."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from neurocaas_ci.errors import UsageError
from neurocaas_ci.registry.tree import (
    EXECUTABLE,
    REGULAR,
    SYMLINK,
    TreeEntry,
    blob_id,
    parts_of,
)

SKIPPED = {".git", "__pycache__"}


class FolderTree:
    """The files below a folder; symlinks are listed and never followed.

    Python's byte code folders are left out: they come and go with every run of the sources.
    """

    def __init__(self, root: Path, *, algorithm: str = "sha1") -> None:
        if not root.is_dir():
            raise UsageError(
                "this is not a folder",
                where=str(root),
                hint="name the root folder of a registry (it holds registry/ and iae/)",
            )
        self.root = root
        self._algorithm = algorithm

    def read(self, path: str, limit: int | None = None) -> bytes | None:
        """Return the content of a regular file, or None where there is none."""
        parts = parts_of(path)
        if parts is None:
            return None
        place = self.root
        try:
            for part in parts:
                place /= part
                mode = place.lstat().st_mode
                if stat.S_ISLNK(mode):
                    return None
            if not stat.S_ISREG(mode):
                return None
            with place.open("rb") as file:
                return file.read() if limit is None else file.read(limit + 1)
        except (OSError, ValueError):
            # Unreadable is reported like missing: the caller names the path and what to do.
            return None

    def entries(self, prefix: str = "") -> list[TreeEntry]:
        """Return all files at or below `prefix`, sorted by path; symlinks are never followed."""
        prefix = prefix.strip("/")
        if not prefix:
            return sorted(self._below(self.root, ""))
        parts = parts_of(prefix)
        if parts is None:
            return []
        place = self.root
        for part in parts:
            if place.is_symlink():
                return []
            place /= part
        if place.is_symlink() or not place.is_dir():
            entry = self._entry(place, prefix)
            return [entry] if entry else []
        return sorted(self._below(place, f"{prefix}/"))

    def _below(self, folder: Path, prefix: str) -> list[TreeEntry]:
        found: list[TreeEntry] = []
        pending = [(folder, prefix)]
        while pending:
            place, before = pending.pop()
            try:
                children = list(os.scandir(place))
            except OSError:
                continue
            for child in children:
                if child.name in SKIPPED:
                    continue
                if child.is_dir(follow_symlinks=False):
                    pending.append((place / child.name, f"{before}{child.name}/"))
                elif entry := self._entry(place / child.name, f"{before}{child.name}"):
                    found.append(entry)
        return found

    def _entry(self, place: Path, path: str) -> TreeEntry | None:
        path = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        try:
            mode = place.lstat().st_mode
            if stat.S_ISLNK(mode):
                target = os.fsencode(place.readlink())
                return TreeEntry(path, SYMLINK, blob_id(target, self._algorithm))
            if not stat.S_ISREG(mode):
                return TreeEntry(path, "000000", "")
            content = place.read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            return TreeEntry(path, "000000", "")
        kind = EXECUTABLE if mode & 0o100 else REGULAR
        return TreeEntry(path, kind, blob_id(content, self._algorithm))
