"""Read what is compared: open files that strangers named, count what is unpacked, find differences."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from neurocaas_ci.audit.compare.trouble import ImpossibleError, Side, UnreadableError, reading

CHUNK = 1 << 20

_MAX_READ = 16 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What comparing one output may cost.

    `unpacked` is bytes that decompression and data sets may give, both sides together; `spooled` is
    bytes of one unpacked member in the folder for temporary files; `document` is bytes of a file
    that is parsed as a whole (JSON, XML); `members` counts members of an archive, objects of an
    HDF5 file and chunks of a PNG; `depth` counts archives within archives; `rows` and `table` (in
    bytes) bound a table that is matched by key; `columns` counts the columns of a table; `memory`
    (bytes) and `seconds` bound the process that reads HDF5.
    """

    unpacked: int = 32 << 30
    spooled: int = 8 << 30
    document: int = 32 << 20
    members: int = 100_000
    depth: int = 5
    rows: int = 1_000_000
    table: int = 256 << 20
    columns: int = 10_000
    memory: int = 2 << 30
    seconds: int = 600


@dataclass(slots=True)
class Budget:
    """Bytes that may still be unpacked."""

    left: int

    def spend(self, size: int) -> None:
        """Take bytes away; raise ImpossibleError when there are not enough."""
        self.left -= size
        if self.left < 0:
            raise ImpossibleError("unpacks to more bytes than are read for one output")


@dataclass(frozen=True, slots=True)
class Context:
    """What all parts of one comparison share; `depth` is how many archives are around this part."""

    limits: Limits
    budget: Budget
    depth: int = 0

    def deeper(self) -> Context:
        """Return the context for what lies inside; raise ImpossibleError when that is too deep."""
        if self.depth >= self.limits.depth:
            raise ImpossibleError(f"archives are nested more than {self.limits.depth} deep")
        return replace(self, depth=self.depth + 1)


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of one side in a real, seekable file; `name` tells a .tsv from a .csv."""

    file: BinaryIO
    size: int
    side: Side
    name: str

    def head(self, size: int = 4096, at: int = 0) -> bytes:
        """Return the first bytes from an offset on."""
        self.file.seek(at)
        return self.file.read(size)

    def whole(self, limit: int) -> bytes:
        """Return all bytes; raise ImpossibleError when they are more than `limit`."""
        if self.size > limit:
            raise ImpossibleError(
                f"the {self.side} has {self.size:,} bytes; "
                f"at most {limit:,} are parsed as one document"
            )
        return self.head(self.size)

    def stream(self, what: str = "file", start: int = 0) -> Stream:
        """Return a stream over the bytes from an offset on."""
        self.file.seek(start)
        return Stream(self.file, self.side, what)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes that come one after the other; `budget` counts them when they are unpacked."""

    source: _Readable
    side: Side
    what: str
    budget: Budget = field(default_factory=lambda: Budget(1 << 62))

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, fewer only at the end.

        Raise UnreadableError when the packed bytes are damaged, ImpossibleError when they unpack
        to more than is left of the budget.
        """
        found = []
        while size > 0:
            with reading(self.side, self.what):
                data = self.source.read(min(size, _MAX_READ))
            if not data:
                break
            self.budget.spend(len(data))
            found.append(data)
            size -= len(data)
        return found[0] if len(found) == 1 else b"".join(found)


class Careful:
    """A file for parsers that would load an index of any length at once; larger reads are refused."""

    def __init__(self, content: Content) -> None:
        self._content = content

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes; raise UnreadableError when that is more than 16 MiB."""
        wanted = size if size >= 0 else self._content.size - self.tell()
        if wanted > _MAX_READ:
            raise UnreadableError(self._content.side, "has an index that is too large")
        return self._content.file.read(wanted)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move as files do."""
        return self._content.file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._content.file.tell()

    def seekable(self) -> bool:
        """Return that positions can be chosen."""
        return True


@contextmanager
def opened(path: Path, side: Side, name: str) -> Iterator[Content]:
    """Open a regular file, following no link and waiting for no pipe.

    Raise UnreadableError when there is none.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(path, flags)
    except OSError as error:
        # Links answer ELOOP, which would read as if there were many of them.
        link = path.is_symlink()
        said = "a symbolic link" if link else (error.strerror or "unreadable").lower()
        missing = (
            "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {said}"
        )
        raise UnreadableError(side, missing) from error
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        os.close(handle)
        raise UnreadableError(side, "is not a regular file")
    with os.fdopen(handle, "rb") as file:
        yield Content(file, facts.st_size, side, name)


@contextmanager
def spooled(stream: Stream, name: str, limits: Limits) -> Iterator[Content]:
    """Copy a stream into a temporary file that nobody else sees.

    Raise ImpossibleError when it has more than `limits.spooled` bytes.
    """
    size = 0
    with tempfile.TemporaryFile() as file:
        while data := stream.read(CHUNK):
            size += len(data)
            if size > limits.spooled:
                raise ImpossibleError(
                    f"a member unpacks to more than {limits.spooled:,} bytes, too many to look into"
                )
            file.write(data)
        file.flush()
        yield Content(cast("BinaryIO", file), size, stream.side, name)


def first_difference(expected: Content, actual: Content, start: int = 0) -> int | None:
    """Return the first offset from `start` on where bytes differ or one side ends, None for none."""
    left, right = expected.stream(start=start), actual.stream(start=start)
    at = start
    while True:
        one, other = left.read(CHUNK), right.read(CHUNK)
        if one != other:
            return at + _first(one, other)
        if not one:
            return None
        at += len(one)


def same(left: Stream, right: Stream) -> bool:
    """Return whether two streams give the same bytes."""
    while True:
        one, other = left.read(CHUNK), right.read(CHUNK)
        if one != other:
            return False
        if not one:
            return True


def differing_bytes(expected: Content, actual: Content, start: int) -> int:
    """Count the positions, `start` and after, at which two files of the same size differ."""
    left, right = expected.stream(start=start), actual.stream(start=start)
    total = 0
    while one := left.read(CHUNK):
        other = right.read(CHUNK)
        if one != other:
            # Whole numbers of a megabyte are the fastest exclusive-or of the standard library.
            bits = int.from_bytes(one, "little") ^ int.from_bytes(other, "little")
            total += len(one) - bits.to_bytes(len(one), "little").count(0)
    return total


def _first(one: bytes, other: bytes) -> int:
    """Return where two different byte strings first differ, by halving."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
