"""The port through which a registry is read: files by path, at one state; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from neurocaas_ci.named import NamedTuple

REGULAR = "100644"
EXECUTABLE = "100755"
SYMLINK = "120000"
SUBMODULE = "160000"


class TreeEntry(NamedTuple):
    """A file of a tree: repository-relative path, git mode, git object id of its content.

    A submodule has the mode 160000 and the id of a commit. Anything in a folder that git cannot
    hold (a pipe, a device) has the mode 000000 and no id.
    """

    path: str
    mode: str
    blob: str


class Tree(Protocol):
    """The files of one commit or of one folder."""

    def read(self, path: str, limit: int | None = None) -> bytes | None:
        """Return the content of a regular file, or None where there is none.

        With a limit at most `limit + 1` bytes are returned, so that a caller sees the excess
        without holding it.
        """
        ...

    def entries(self, prefix: str = "") -> list[TreeEntry]:
        """Return all files at or below `prefix`, sorted by path; symlinks are never followed."""
        ...


@runtime_checkable
class ReadsAhead(Protocol):
    """A tree for which it is cheaper to be asked for many files at once."""

    def ahead(self, paths: Iterable[str]) -> None:
        """Prepare for `read` of these files, in any order; nothing else changes."""
        ...


def parts_of(path: str) -> list[str] | None:
    """Return the components of a clean relative path, or None for one that points elsewhere."""
    parts = path.split("/")
    if any(part in {"", ".", "..", ".git"} or "\0" in part for part in parts):
        return None
    return parts


def blob_id(content: bytes, algorithm: str = "sha1") -> str:
    """Return the git object id that this content has as a blob (gitformat-pack, "loose objects")."""
    import hashlib

    # Git chose SHA-1; the id names content that is also compared, it is not trusted by itself.
    state = hashlib.new(algorithm, b"blob %d\0" % len(content), usedforsecurity=False)
    state.update(content)
    return state.hexdigest()
