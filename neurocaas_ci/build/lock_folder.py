"""The lock files of one IAE in a working folder: which are current, and how they are replaced."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neurocaas_ci.build.base import Say
from neurocaas_ci.build.cache import Cache, write_atomic
from neurocaas_ci.build.locks import basis_of
from neurocaas_ci.build.recipe import Source, sources
from neurocaas_ci.model.registry import Iae
from neurocaas_ci.registry.folder import FolderTree


@dataclass(frozen=True, slots=True)
class LockFolder:
    """`iae/<name>/` below `root`; with `upgrade` no lock is current.

    `apt` is a private folder for apt's state, one for all locks, so that its lists are fetched once.
    """

    root: Path
    iae: Iae
    cache: Cache
    say: Say
    upgrade: bool
    apt: Path

    def files(self) -> dict[str, Source]:
        """Return the sources as they are now, by path."""
        return {s.path: s for s in sources(FolderTree(self.root), self.iae.name)}

    def content(self, lock: str) -> bytes:
        """Return what a lock file holds."""
        return self._path(lock).read_bytes()

    def is_current(self, lock: str, made_for: str) -> bool:
        """Tell whether a lock is there, was made for this, and may stay."""
        path = self._path(lock)
        return (
            not self.upgrade
            and path.exists()
            and basis_of(path.read_text(errors="replace")) == made_for
        )

    def put(self, lock: str, text: str) -> list[str]:
        """Write a lock; return its name if that changes it."""
        path = self._path(lock)
        if path.exists() and path.read_bytes() == text.encode():
            return []
        write_atomic(path, text.encode())
        return [lock]

    def drop(self, lock: str) -> list[str]:
        """Remove a lock that belongs to nothing any more; return its name if it was there."""
        path = self._path(lock)
        if not path.exists():
            return []
        path.unlink()
        return [lock]

    def _path(self, lock: str) -> Path:
        return self.root / "iae" / self.iae.name / lock
