"""Gather the contents of many archives in one temporary file, so that memory does not grow with them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from neurocaas_ci.build.entries import Entry, Slice

_CHUNK = 1 << 20


class Spool:
    """An anonymous file below `folder` that contents are appended to and read from by slice."""

    def __init__(self, folder: Path) -> None:
        self.file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.file.close()

    def add(self, stream: BinaryIO) -> Slice:
        """Append everything that the stream still holds."""
        self.file.seek(self._end)
        size = 0
        while data := stream.read(_CHUNK):
            self.file.write(data)
            size += len(data)
        return self._taken(size)

    def add_bytes(self, data: bytes) -> Slice:
        """Append bytes."""
        self.file.seek(self._end)
        self.file.write(data)
        return self._taken(len(data))

    def read(self, part: Slice) -> bytes:
        """Return one content."""
        self.file.seek(part.offset)
        return self.file.read(part.size)

    def same(self, one: Entry, other: Entry) -> bool:
        """Tell whether two entries are the same, wherever their contents lie."""
        if (one.kind, one.mode, one.target) != (other.kind, other.mode, other.target):
            return False
        return one.content == other.content or self._bytes(one) == self._bytes(other)

    def _bytes(self, entry: Entry) -> bytes:
        return self.read(entry.content) if isinstance(entry.content, Slice) else entry.content

    def _taken(self, size: int) -> Slice:
        part = Slice(self._end, size)
        self._end += size
        return part
