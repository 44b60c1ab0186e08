"""The directory store: blobs by digest, state documents and claims on one local file system."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from neurocaas_ci.errors import IntegrityError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.stores.disk import atomic_write, disk_error, unique_name
from neurocaas_ci.stores.interface import Blob, Claim, Readable
from neurocaas_ci.stores.keys import check_key

_CHUNK = 1 << 20
_GLANCE_SECONDS = 0.0005


class DirectoryBlobs:
    """Blobs in `<root>/blobs/sha256/ab/<digest>`, mode 0444; staging in `<root>/incoming`."""

    def __init__(self, root: Path) -> None:
        self._blobs = root / "blobs" / "sha256"
        # Each run of a job comes here a dozen times; to join texts takes a tenth of joining paths.
        self._base = str(self._blobs)
        self._incoming = root / "incoming"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(parents=True, exist_ok=True)

    def path(self, digest: Sha256) -> Path:
        """Return where a digest is kept; whether it is there is not checked."""
        return Path(self._at(digest))

    def _at(self, digest: Sha256) -> str:
        return f"{self._base}/{digest[:2]}/{digest}"

    def put(self, stream: Readable) -> Blob:
        """Copy a stream into the store, hashing it once on the way."""
        temporary = self._incoming / unique_name()
        hasher = hashlib.sha256()
        size = 0
        try:
            with temporary.open("xb") as target:
                while chunk := stream.read(_CHUNK):
                    hasher.update(chunk)
                    size += len(chunk)
                    target.write(chunk)
            digest = Sha256(hasher.hexdigest())
            self._move_in(temporary, digest)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise disk_error(error, self._blobs) from error
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return Blob(digest, size)

    def adopt(self, path: Path) -> Blob:
        """Move a regular file into the store, hashing it once; `path` is gone afterwards.

        The caller sees to it that nobody writes to the file any more.
        """
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as stream:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                raise IntegrityError("only regular files can be stored", where=str(path))
            digest = Sha256(_hash(stream))
            os.fchmod(descriptor, 0o444)
            if facts.st_uid != os.geteuid():
                os.fchown(descriptor, os.geteuid(), os.getegid())
        try:
            self._move_in(path, digest)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise disk_error(error, self._blobs) from error
            with path.open("rb") as stream:
                blob = self.put(stream)
            path.unlink()
            return blob
        return Blob(digest, facts.st_size)

    def open(self, digest: Sha256) -> io.BufferedReader:
        """Open a content for reading; raise IntegrityError when it is missing."""
        try:
            return open(self._at(digest), "rb")
        except FileNotFoundError:
            raise missing_content(digest) from None

    def place(self, digest: Sha256, target: Path) -> int:
        """Make the verified content appear at `target` (a hard link where possible).

        Return its size in bytes; raise IntegrityError when it is missing or damaged.
        """
        source = self._at(digest)
        with self.open(digest) as stream:
            if _hash(stream) != digest:
                raise _damaged(digest)
            size = os.fstat(stream.fileno()).st_size
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in {errno.EXDEV, errno.EMLINK, errno.EPERM}:
                raise disk_error(error, target) from error
            import shutil  # with every compression module

            shutil.copyfile(source, target)
            target.chmod(0o444)
        return size

    def verify(self, digest: Sha256, size: int) -> bool:
        """Read the content and tell whether it is there and still has this digest and size."""
        try:
            with self.open(digest) as stream:
                return os.fstat(stream.fileno()).st_size == size and _hash(stream) == digest
        except (OSError, IntegrityError):
            return False

    def erase(self, digest: Sha256) -> None:
        """Remove a content, if it is there."""
        self.path(digest).unlink(missing_ok=True)

    def listed(self) -> Iterator[tuple[str, int, float]]:
        """Yield digest, size in bytes and time (seconds since 1970) of each content."""
        for folder, _, files in os.walk(self._blobs):
            for name in files:
                # One may be removed between listing and looking.
                with contextlib.suppress(FileNotFoundError):
                    facts = os.stat(os.path.join(folder, name))
                    yield name, facts.st_size, facts.st_mtime

    def _move_in(self, path: Path, digest: Sha256) -> None:
        target = self._at(digest)
        os.chmod(path, 0o444)
        try:
            os.rename(path, target)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.rename(path, target)


class DirectoryState:
    """State documents in `<root>/state/<key>`, claims as flock'ed files in `<root>/locks`."""

    def __init__(self, root: Path) -> None:
        self._state = str(root / "state")
        self._locks = str(root / "locks")
        os.makedirs(self._state, exist_ok=True)
        os.makedirs(self._locks, exist_ok=True)

    def path(self, key: str) -> Path:
        """Return the file of a key; raise UsageError for a key that could leave the store."""
        return Path(self._at(key))

    def _at(self, key: str) -> str:
        return f"{self._state}/{check_key(key)}"

    def read(self, key: str) -> bytes | None:
        """Return the document, or None."""
        try:
            with open(self._at(key), "rb", buffering=0) as stream:
                return stream.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(
        self,
        key: str,
        data: bytes,
        *,
        claim: Claim | None = None,  # noqa: ARG002 - the kernel takes no claim away
        durable: bool = False,
    ) -> None:
        """Replace the document atomically."""
        path = self._at(key)
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            os.makedirs(folder, exist_ok=True)
        atomic_write(path, data, sync=durable)

    def erase(self, key: str) -> None:
        """Remove the document, if it is there."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(self._at(key))

    def keys(self, prefix: str) -> list[str]:
        """Return all keys below `prefix/`, sorted; half-written documents are not listed."""
        found: list[str] = []
        for folder, _, files in os.walk(self._at(prefix)):
            below = os.path.relpath(folder, self._state)
            found.extend(f"{below}/{name}" for name in files if not name.startswith("."))
        return sorted(found)

    @contextlib.contextmanager
    def claim(self, key: str, *, wait: bool) -> Iterator[Claim | None]:
        """Hold the key exclusively; yield None when it is held elsewhere and `wait` is false."""
        path = self._lock_path(check_key(key))
        descriptor = _lock(path, wait=wait)
        if descriptor is None:
            yield None
            return
        try:
            yield Claim(key, descriptor)
        finally:
            # Unlinking while the lock is held is safe: whoever opened the same file notices.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def held(self, key: str) -> bool:
        """Tell whether somebody holds the key now, without disturbing them."""
        try:
            descriptor = os.open(self._lock_path(check_key(key)), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        with open(descriptor, "rb"):
            return _claimed(descriptor)

    def _lock_path(self, key: str) -> str:
        name = key.replace("%", "%25").replace("/", "%2F")
        return f"{self._locks}/{name}"


def _claimed(descriptor: int) -> bool:
    """Tell whether another holds the lock exclusively; locks for a moment, but never exclusively."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _lock(path: str, *, wait: bool) -> int | None:
    operation = fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, operation)
            with contextlib.suppress(FileNotFoundError):
                if os.stat(path).st_ino == os.fstat(descriptor).st_ino:
                    return descriptor
        except BlockingIOError:
            with open(descriptor, "rb"):
                if _claimed(descriptor):
                    return None
            # Only somebody who looks (see `held`) is in the way, for some microseconds.
            time.sleep(_GLANCE_SECONDS)
            continue
        except BaseException:
            os.close(descriptor)
            raise
        # The holder removed the file between our open and our lock: take the new one.
        os.close(descriptor)


def _hash(stream: io.BufferedReader) -> str:
    return hashlib.file_digest(stream, "sha256").hexdigest()


def missing_content(digest: Sha256) -> IntegrityError:
    """Return the error for a content that is not there."""
    return IntegrityError(
        "this content is not in the store",
        where=f"sha256:{digest}",
        hint="put the file again with `neurocaas data put FILE`",
    )


def _damaged(digest: Sha256) -> IntegrityError:
    return IntegrityError(
        "the stored content no longer has its digest",
        where=f"sha256:{digest}",
        hint="the disk or somebody changed it; put the original again with `neurocaas data put FILE`",
    )
