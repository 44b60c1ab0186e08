"""A tree that holds one file which is in memory; I/O is not handled here."""

from __future__ import annotations

from neurocaas_ci.named import NamedTuple
from neurocaas_ci.registry.tree import REGULAR, TreeEntry, blob_id


class OneFile(NamedTuple):
    """A file by its path, as a tree that a registry can be read from."""

    path: str
    content: bytes

    def read(self, path: str, limit: int | None = None) -> bytes | None:
        """Return the content of the file, or None for any other path."""
        if path != self.path:
            return None
        return self.content if limit is None else self.content[: limit + 1]

    def entries(self, prefix: str = "") -> list[TreeEntry]:
        """Return the file when it lies at or below `prefix`."""
        inside = not prefix or f"{self.path}/".startswith(f"{prefix.strip('/')}/")
        return [TreeEntry(self.path, REGULAR, blob_id(self.content))] if inside else []
