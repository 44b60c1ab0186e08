"""The folder where this machine keeps contents, state and environments."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurocaas_ci.stores.directory import DirectoryBlobs, DirectoryState


def default_home() -> Path:
    """Return `$NEUROCAAS_HOME`, or `neurocaas` in the user's data folder (XDG base directories)."""
    if home := os.environ.get("NEUROCAAS_HOME"):
        return Path(home).absolute()
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data).absolute() / "neurocaas"


def default_cache() -> Path | None:
    """Return `$NEUROCAAS_CACHE`, where packages and images are kept when not below the home."""
    cache = os.environ.get("NEUROCAAS_CACHE")
    return Path(cache).absolute() if cache else None


@dataclass(frozen=True)
class Home:
    """Adapters for everything below one home folder; the cache may be shared between homes."""

    root: Path
    shared_cache: Path | None = None

    @cached_property
    def blobs(self) -> DirectoryBlobs:
        """Return the blob store."""
        # Most commands ask only where the folders are.
        from neurocaas_ci.stores.directory import DirectoryBlobs

        return DirectoryBlobs(self.root / "store")

    @cached_property
    def state(self) -> DirectoryState:
        """Return the state store."""
        from neurocaas_ci.stores.directory import DirectoryState

        return DirectoryState(self.root / "store")

    @cached_property
    def scratch(self) -> Path:
        """Return the folder of attempts, on the file system of the store."""
        folder = self.root / "store" / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def cache(self) -> Path:
        """Return the folder of downloaded packages, images and unpacked roots."""
        return self.shared_cache or self.root / "cache"
