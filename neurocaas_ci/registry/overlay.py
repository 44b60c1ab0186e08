"""A tree with some of its files changed in memory; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurocaas_ci.registry.tree import Tree, TreeEntry, blob_id

_SHA1_DIGITS = 40


@dataclass(frozen=True, slots=True)
class File:
    """A file as it would be: its content and its git mode."""

    content: bytes
    mode: str


class OverlayTree:
    """The Tree port over another tree; `changed` holds new files by path, or None for removed ones."""

    def __init__(self, under: Tree, changed: Mapping[str, File | None]) -> None:
        self._under = under
        self._changed = dict(changed)

    def read(self, path: str, limit: int | None = None) -> bytes | None:
        """Return the content of a regular file, or None where there is none."""
        if path not in self._changed:
            return self._under.read(path, limit)
        file = self._changed[path]
        if file is None:
            return None
        return file.content if limit is None else file.content[: limit + 1]

    def entries(self, prefix: str = "") -> list[TreeEntry]:
        """Return all files at or below `prefix`, sorted by path."""
        prefix = prefix.strip("/")
        found = {entry.path: entry for entry in self._under.entries(prefix)}
        known = next((entry.blob for entry in found.values() if entry.blob), "0" * _SHA1_DIGITS)
        algorithm = "sha1" if len(known) == _SHA1_DIGITS else "sha256"
        for path, file in self._changed.items():
            if prefix and path != prefix and not path.startswith(f"{prefix}/"):
                continue
            found.pop(path, None)
            if file is not None:
                found[path] = TreeEntry(path, file.mode, blob_id(file.content, algorithm))
        return sorted(found.values())
