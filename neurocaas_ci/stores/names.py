"""Names of datasets in the local store: what `store:<name>` means on this machine."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Protocol

from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.digest import Sha256, parse_sha256
from neurocaas_ci.stores.interface import Blob, StateStore

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_PREFIX = "names"


@dataclass(frozen=True, slots=True)
class NamedBlob:
    """A dataset in the store: its name, digest and size in bytes."""

    name: str
    sha256: Sha256
    size: int


def check_name(name: str) -> str:
    """Return the name; raise UsageError unless it is a plain file name."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a dataset",
            hint="use letters, digits, dot, dash and underscore; begin with a letter or a digit",
        )
    return name


def remember(state: StateStore, name: str, blob: Blob) -> NamedBlob:
    """Let `store:<name>` mean this blob from now on."""
    check_name(name)
    document = {"sha256": blob.sha256, "size": blob.size}
    state.write(f"{_PREFIX}/{name}", json.dumps(document).encode())
    return NamedBlob(name, blob.sha256, blob.size)


class _Erasing(Protocol):
    def erase(self, key: str) -> None: ...


def forget(state: _Erasing, name: str) -> None:
    """Let the name mean nothing any more; contents stay."""
    state.erase(f"{_PREFIX}/{check_name(name)}")


def look_up(state: StateStore, name: str) -> NamedBlob | None:
    """Return what the name means here, or None."""
    data = state.read(f"{_PREFIX}/{check_name(name)}")
    if data is None:
        return None
    document = json.loads(data)
    return NamedBlob(name, parse_sha256(document["sha256"]), int(document["size"]))


def all_names(state: StateStore) -> list[NamedBlob]:
    """Return all named datasets, sorted by name."""
    names = [key.rpartition("/")[2] for key in state.keys(_PREFIX)]
    return [entry for name in names if (entry := look_up(state, name)) is not None]
