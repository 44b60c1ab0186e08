"""Where the index of a repository lies, and who may throw it away."""

from __future__ import annotations

import fcntl
import os
import zlib
from pathlib import Path
from types import TracebackType
from typing import Self

_SUFFIXES = ("", "-wal", "-shm", "-journal")


def index_path(repo: Path, cache: Path) -> Path:
    """Return the file of a repository's index; every clone has its own.

    Should two have the same, each of them forgets what the other one has written.
    """
    place = os.fsencode(os.path.realpath(repo))
    return cache / "ledger" / f"{zlib.crc32(place):08x}{zlib.adler32(place):08x}.sqlite3"


class IndexLock:
    """Held while an index is in use: nobody removes the file under the feet of a reader.

    What SQLite keeps beside a file belongs to that very file, so a file may only be replaced when
    nobody has it open.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> str | None:
        """Share the file; return why that cannot be, or None."""
        if self._path is None or self._descriptor is not None:
            return None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self._path.with_suffix(".lock"), flags, 0o644)
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        except OSError as error:
            return error.strerror or str(error)
        return None

    def discard(self) -> bool:
        """Remove the file unless somebody else has it open; tell whether it is gone."""
        if self._path is None or self._descriptor is None:
            return False
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for suffix in _SUFFIXES:
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        except OSError:
            return False
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
