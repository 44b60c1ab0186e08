"""Files of a signing instance: private to their owner, and on the disk before they count."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from neurocaas_ci.errors import BackendUnavailableError, UsageError

_OTHERS = 0o077
_SPACE = "free some space and run the same command again"
_HINTS = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EACCES: "check the owner and the permissions of the folder",
    errno.EPERM: "check the owner and the permissions of the folder",
    errno.EROFS: "the folder must be writable; NEUROCAAS_HOME moves it",
}


def unavailable(error: OSError, path: Path) -> BackendUnavailableError:
    """Return the error that tells a user why a file of the instance could not be used."""
    return BackendUnavailableError(
        f"the local signing instance cannot be used: {error.strerror}",
        where=str(path),
        hint=_HINTS.get(error.errno or 0, "check the disk and run the same command again"),
    )


def write_new(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, and see it onto the disk; raise OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    """See the names in a folder onto the disk; raise OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_private_folder(path: Path) -> None:
    """Raise unless a folder belongs to this user, and to this user alone; raise OSError."""
    _require_private(os.stat(path), path, "chmod 700")


def read_private(path: Path) -> bytes:
    """Return the content of a regular file that only this user can read.

    Raise UsageError when others can read it or it is not a regular file, BackendUnavailableError
    when it is another user's, OSError when it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as stream:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise UsageError("the file of a signing key is not a regular file", where=str(path))
        _require_private(facts, path, "chmod 600")
        return stream.read()


def _require_private(facts: os.stat_result, path: Path, remedy: str) -> None:
    if facts.st_uid != os.geteuid():
        raise BackendUnavailableError(
            f"the local signing instance belongs to another user (uid {facts.st_uid})",
            where=str(path),
            hint="sign as that user, or set NEUROCAAS_HOME to a folder of your own",
        )
    if facts.st_mode & _OTHERS:
        raise UsageError(
            "other users can reach the keys of the local signing instance"
            f" (mode {stat.S_IMODE(facts.st_mode):04o})",
            where=str(path),
            hint=f"if nobody has read them: {remedy} {path}; otherwise move the instance away, and"
            " a new one with new keys is made",
        )
