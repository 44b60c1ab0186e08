"""The two store ports: blobs by digest, and small mutable state with claims."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from neurocaas_ci.model.digest import Sha256


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored content: its digest and its size in bytes."""

    sha256: Sha256
    size: int


class Readable(Protocol):
    """What can be read in chunks."""

    def read(self, count: int = -1, /) -> bytes:
        """Return up to `count` bytes; empty at the end."""
        ...


class BlobStore(Protocol):
    """Keep immutable contents by digest; all reads are verified."""

    def put(self, stream: Readable) -> Blob:
        """Copy a stream into the store, hashing it once on the way."""
        ...

    def adopt(self, path: Path) -> Blob:
        """Move a regular file into the store, hashing it once; `path` is gone afterwards."""
        ...

    def open(self, digest: Sha256) -> BinaryIO:
        """Open a content for reading; raise IntegrityError when it is missing."""
        ...

    def place(self, digest: Sha256, target: Path) -> int:
        """Make the verified content appear read-only at `target`; return its size in bytes.

        Raise IntegrityError when the content is missing or does not have its digest.
        """
        ...

    def verify(self, digest: Sha256, size: int) -> bool:
        """Read the content and tell whether it is there and still has this digest and size."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """An exclusive hold on a key; `fd` keeps it for as long as any process has it open."""

    key: str
    fd: int


class StateStore(Protocol):
    """Keep small documents by key (`a/b/c`), replaced atomically."""

    def read(self, key: str) -> bytes | None:
        """Return the document, or None."""
        ...

    def write(self, key: str, data: bytes) -> None:
        """Replace the document atomically: a reader sees the old or the new one, never a mix."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """Return all keys below `prefix/`, sorted."""
        ...

    def claim(self, key: str, *, wait: bool) -> AbstractContextManager[Claim | None]:
        """Hold the key exclusively; yield None when somebody else holds it and `wait` is false.

        A holder that dies, in whatever way, loses the claim at once.
        """
        ...

    def held(self, key: str) -> bool:
        """Tell whether somebody holds the key now, without disturbing them."""
        ...
