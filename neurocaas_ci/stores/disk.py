"""Files on a local disk that are whole or not there, and what a disk that refuses them says."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from neurocaas_ci.errors import BackendUnavailableError

_unique = itertools.count()


def unique_name() -> str:
    """Return a name that no other thread or living process uses."""
    return f"{os.getpid()}-{next(_unique)}-{os.urandom(4).hex()}"


def atomic_write(path: str | Path, data: bytes, *, sync: bool = False) -> None:
    """Replace a file as a whole; `sync` makes it survive a power loss as well."""
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{unique_name()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with open(descriptor, "wb") as stream:
            stream.write(data)
            if sync:
                stream.flush()
                os.fsync(descriptor)
        os.replace(temporary, path)
    except OSError as error:
        # A folder that is none, or a name that is too long, cannot be unlinked either.
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise disk_error(error, path) from error


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Raise what a full, broken or read-only disk refuses as BackendUnavailableError."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}:
            raise
        raise disk_error(error, error.filename or path) from error


def disk_error(error: OSError, path: str | Path) -> BackendUnavailableError:
    """Return our error for a file that cannot be written, with what to do about it."""
    hints = {
        errno.ENOSPC: "free some space and run the same command again; nothing is half-written",
        errno.EDQUOT: "free some space and run the same command again; nothing is half-written",
        errno.EACCES: "check the owner and the permissions of the store",
        errno.EROFS: "the store must be writable; NEUROCAAS_HOME moves it",
    }
    return BackendUnavailableError(
        f"the store cannot be written: {error.strerror}",
        where=str(path),
        hint=hints.get(error.errno or 0, "check the disk and run the same command again"),
    )
