"""The build cache on disk: blobs by digest, layers by key, locks and workspaces.

Whatever appears under its final name is complete: it was written elsewhere in the cache, hashed,
and renamed. Whatever is read again is checked again: cheaply by its stat fingerprint when that is
known, by its digest otherwise.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.digest import Sha256, canonical_json, parse_sha256, sha256_bytes
from neurocaas_ci.named import NamedTuple

_CHUNK = 1 << 20
DISK_ERRORS = {
    errno.ENOSPC: "free space on this disk, or move the cache with NEUROCAAS_HOME",
    errno.EDQUOT: "the disk quota is used up: free space, or move the cache with NEUROCAAS_HOME",
    errno.EFBIG: "a file size limit (ulimit -f) is in force: raise it",
    errno.EROFS: "the cache must be writable: move it with NEUROCAAS_HOME",
    errno.EACCES: "the cache must be writable for this user: move it with NEUROCAAS_HOME",
    errno.EPERM: "the cache must be writable for this user: move it with NEUROCAAS_HOME",
}
"""The error numbers by which our own disk refuses, and what to do about each."""


class Blob(NamedTuple):
    """A content of the image store; `size` is bytes."""

    digest: Sha256
    size: int


def is_disk_error(error: BaseException) -> bool:
    """Tell a refusal of our own disk from every other failure."""
    return isinstance(error, OSError) and error.errno in DISK_ERRORS


@contextmanager
def disk_errors(where: Path) -> Iterator[None]:
    """Turn a refusal of the disk (full, quota, read-only) into a BuildError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        raise BuildError(
            f"cannot write: {error.strerror}",
            where=str(error.filename or where),
            hint=DISK_ERRORS[error.errno],
        ) from error


class Cache:
    """The folder `$NEUROCAAS_HOME/cache`; see docs/architecture.md for what lies where.

    `downloads` is the cache that keeps downloaded packages; a rebuild from nothing has its own
    cache for everything else and shares only those, which are checked by digest anyway.
    """

    def __init__(self, root: Path, downloads: Path | None = None) -> None:
        self.root = root
        self._downloads = downloads or root

    def blob_path(self, digest: Sha256) -> Path:
        """Return where the image blob with this digest is or would be."""
        return self.root / "oci" / "blobs" / "sha256" / digest

    @property
    def downloads(self) -> Path:
        """Return the cache folder that keeps downloaded packages."""
        return self._downloads

    def download_path(self, kind: Literal["debs", "wheels", "sources"], digest: Sha256) -> Path:
        """Return where a downloaded package is or would be."""
        return self._downloads / kind / digest

    @property
    def roots(self) -> Path:
        """Return the folder of unpacked images."""
        return self.root / "roots"

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold an exclusive lock; a holder that dies, in whatever way, loses it at once."""
        folder = self.root / "locks"
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            fd = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Give a private folder on the cache's file system, removed at the end.

        What a killed process left is swept: its lock went away with it.
        """
        parent = self.root / "tmp"
        with disk_errors(parent):
            parent.mkdir(parents=True, exist_ok=True)
        with self.lock("workspaces"):
            _sweep(parent)
            with disk_errors(parent):
                folder = parent / f"{os.getpid()}-{_unique()}"
                folder.mkdir(mode=0o755)
                folder.chmod(0o755)
                fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            with disk_errors(folder):
                yield folder
        finally:
            remove_tree(folder)
            os.close(fd)

    def add_blob(self, data: bytes) -> Blob:
        """Keep a small document."""
        digest = sha256_bytes(data)
        write_atomic(self.blob_path(digest), data)
        return Blob(digest, len(data))

    def write_blob(
        self, workspace: Path, produce: Callable[[Callable[[bytes], object]], None]
    ) -> Blob:
        """Keep what `produce` writes; its digest is computed on the way."""
        hasher = hashlib.sha256()
        size = 0
        temporary = workspace / f"blob-{_unique()}"
        with temporary.open("wb") as out:

            def write(data: bytes) -> None:
                nonlocal size
                hasher.update(data)
                size += out.write(data)

            produce(write)
            out.flush()
            os.fsync(out.fileno())
        return self.adopt(temporary, Blob(Sha256(hasher.hexdigest()), size))

    def adopt(self, temporary: Path, blob: Blob) -> Blob:
        """Move a complete file whose digest is known into the image store."""
        target = self.blob_path(blob.digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.chmod(0o444)
        temporary.replace(target)
        return blob

    def read_blob(self, digest: Sha256, limit: int = 4 << 20) -> bytes | None:
        """Return a small document, or None when it is missing or not what its name says."""
        try:
            with self.blob_path(digest).open("rb") as file:
                data = file.read(limit + 1)
        except FileNotFoundError:
            return None
        return data if sha256_bytes(data) == digest else None

    def intact(self, blob: Blob) -> bool:
        """Read a blob and tell whether it is there and still has its digest and size."""
        try:
            with self.blob_path(blob.digest).open("rb") as file:
                if os.fstat(file.fileno()).st_size != blob.size:
                    return False
                return hashlib.file_digest(file, "sha256").hexdigest() == blob.digest
        except FileNotFoundError:
            return False

    def layer(self, key: Sha256, *, full: bool = False) -> Blob | None:
        """Return the layer that an earlier build made for this key, checked; None: build it.

        The check is a stat fingerprint; when that does not match, or with `full`, the digest.
        """
        document = _read_layer(self._layer_path(key), key)
        if document is None:
            return None
        blob = Blob(document["digest"], document["size"])
        try:
            if not full and document["stat"] == _fingerprint(self.blob_path(blob.digest)):
                return blob
        except FileNotFoundError:
            return None
        if not self.intact(blob):
            return None
        self.remember_layer(key, blob)
        return blob

    def remember_layer(self, key: Sha256, blob: Blob) -> None:
        """Write down which layer belongs to a key."""
        document = {
            "key": key,
            "digest": blob.digest,
            "size": blob.size,
            "stat": _fingerprint(self.blob_path(blob.digest)),
        }
        document["check"] = sha256_bytes(canonical_json(document))
        write_atomic(self._layer_path(key), canonical_json(document))

    def forget_layer(self, key: Sha256) -> None:
        """Drop the memory of a layer, so that it is built again."""
        self._layer_path(key).unlink(missing_ok=True)

    def _layer_path(self, key: Sha256) -> Path:
        return self.root / "layers" / f"{key}.json"


def write_atomic(path: Path, data: bytes) -> None:
    """Replace a file in one step: a reader sees the old content or the new one."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}-{_unique()}")
        try:
            with temporary.open("wb") as out:
                out.write(data)
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def remove_tree(folder: Path) -> None:
    """Remove a folder that we made, whatever modes its folders have."""
    import shutil  # it imports every compression module; only removals need it

    def unlock(function: Callable[..., Any], path: str, _error: object) -> None:
        with suppress(OSError):
            os.chmod(os.path.dirname(path), 0o700)
            function(path)

    shutil.rmtree(folder, onerror=unlock)


def _unique() -> str:
    return os.urandom(4).hex()


def _fingerprint(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns]


def _read_layer(path: Path, key: Sha256) -> dict[str, Any] | None:
    """Return a layer document that is whole and belongs to this key, else None."""
    try:
        document = json.loads(path.read_bytes())
        check = document.pop("check")
        if document["key"] != key or check != sha256_bytes(canonical_json(document)):
            return None
        document["digest"] = parse_sha256(document["digest"])
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return dict(document)


def _sweep(parent: Path) -> None:
    for folder in parent.iterdir():
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            remove_tree(folder)
        finally:
            os.close(fd)
