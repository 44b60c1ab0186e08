"""The two store ports: blobs by digest, and small mutable state with claims."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.named import NamedTuple


class LostClaimError(BackendUnavailableError):
    """Somebody else has taken the claim over, so what was done under it does not count."""


class Blob(NamedTuple):
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


class Claim(NamedTuple):
    """An exclusive hold on a key.

    Where the store has one, `fd` keeps the claim for as long as any process has it open. `alive`
    tells whether it is still held: a store across machines can only lend a claim, and lends it to
    somebody else when its holder has not been heard of for too long.
    """

    key: str
    fd: int | None
    alive: Callable[[], bool] = lambda: True


class StateStore(Protocol):
    """Keep small documents by key (`a/b/c`), replaced atomically."""

    def read(self, key: str) -> bytes | None:
        """Return the document, or None."""
        ...

    def write(
        self, key: str, data: bytes, *, claim: Claim | None = None, durable: bool = False
    ) -> None:
        """Replace the document atomically: a reader sees the old or the new one, never a mix.

        With a claim, write only while it is held; raise LostClaimError when it is not any more.
        A `durable` document survives a power loss.
        """
        ...

    def keys(self, prefix: str) -> list[str]:
        """Return all keys below `prefix/`, sorted."""
        ...

    def claim(self, key: str, *, wait: bool) -> AbstractContextManager[Claim | None]:
        """Hold the key exclusively; yield None when somebody else holds it and `wait` is false.

        A holder that dies, in whatever way, loses the claim: at once where the kernel keeps it,
        after the time for which it was lent where it is kept across machines.
        """
        ...

    def held(self, key: str) -> bool:
        """Tell whether somebody holds the key now, without disturbing them."""
        ...
