"""Unpack image layers below a folder as if each of them were hostile.

Layers follow https://github.com/opencontainers/image-spec/blob/main/layer.md, whiteouts included.
Names are resolved inside the new root, the way the kernel would after chroot, so that no link can
lead a write out of it. Device nodes, pipes and sockets are refused. Owners, times and special mode
bits are dropped: every file belongs to us and everybody may read it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from neurocaas_ci.build.cache import is_disk_error
from neurocaas_ci.build.entries import clean_path
from neurocaas_ci.errors import BuildError, IntegrityError
from neurocaas_ci.model.digest import Sha256

_MAX_LINKS = 40
_MAX_MEMBERS = 2_000_000
_MAX_BYTES = 256 << 30
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_CHUNK = 1 << 20
_AGAIN = "the disk or somebody changed it; remove it, and build or fetch the environment again"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer blob: where it lies, its digest as stored and the digest of its uncompressed tar."""

    path: Path
    digest: Sha256
    diff_id: Sha256


def unpack(layers: Sequence[Layer], root: Path) -> None:
    """Apply the layers in order to the empty folder `root`.

    Raise IntegrityError when a layer does not have its digests, BuildError when a member is
    refused; what was unpacked until then must be thrown away by the caller.
    """
    for layer in layers:
        with layer.path.open("rb") as stored:
            outer = _Hashing(stored)
            plain = _Hashing(_uncompressed(outer))
            try:
                _Unpacker(root, layer.digest[:12]).apply(cast("BinaryIO", plain))
                plain.drain()
                outer.drain()
            except (tarfile.TarError, zlib.error, EOFError, ValueError, OSError) as error:
                # Our own disk speaks for itself; any other refusal is about what the layer holds,
                # such as a name that is too long or a broken compression.
                if is_disk_error(error):
                    raise
                raise IntegrityError(
                    f"the layer is damaged: {error}", where=str(layer.path), hint=_AGAIN
                ) from error
        if (outer.digest(), plain.digest()) != (layer.digest, layer.diff_id):
            raise IntegrityError(
                "the layer does not have its digest", where=str(layer.path), hint=_AGAIN
            )


class _Hashing:
    """A reader that hashes what passes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hasher = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._hasher.update(data)
        return data

    def drain(self) -> None:
        while self.read(_CHUNK):
            pass

    def digest(self) -> str:
        return self._hasher.hexdigest()


def _uncompressed(stream: _Hashing) -> BinaryIO:
    head = stream.read(4)
    rest = cast("BinaryIO", _Prefixed(head, stream))
    if head[:2] == b"\x1f\x8b":
        import gzip

        return cast("BinaryIO", gzip.GzipFile(fileobj=rest))
    if head == b"\x28\xb5\x2f\xfd":
        raise BuildError(
            "the layer is compressed with Zstandard, which is not supported",
            hint="copy the image with gzip or uncompressed layers and pin that digest",
        )
    return rest


class _Prefixed:
    """A stream with the bytes that were already read put back in front."""

    def __init__(self, head: bytes, stream: _Hashing) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._stream.read(size)
        if size < 0:
            head, self._head = self._head, b""
            return head + self._stream.read()
        head, self._head = self._head[:size], self._head[size:]
        return head


class _Unpacker:
    """One layer being applied to a root."""

    def __init__(self, root: Path, name: str) -> None:
        self._root = str(root)
        self._where = f"layer {name}"
        self._folders: dict[str, str] = {"": self._root}
        self._made: set[str] = set()
        self._bytes = 0

    def apply(self, stream: BinaryIO) -> None:
        with tarfile.open(fileobj=stream, mode="r|", errorlevel=2) as archive:
            for number, member in enumerate(archive):
                self._bytes += member.size
                if number >= _MAX_MEMBERS or self._bytes > _MAX_BYTES:
                    raise BuildError("the layer is absurdly large", where=self._where)
                path = clean_path(member.name, self._where)
                if path:
                    self._member(path, member, archive)

    def _member(self, path: str, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        parent, _, name = path.rpartition("/")
        folder = self._folder(parent)
        if name == _OPAQUE:
            self._empty(folder)
            return
        if name.startswith(_WHITEOUT):
            gone = name.removeprefix(_WHITEOUT)
            if gone in ("", ".", ".."):
                raise self._refused(member, "hides nothing that has a name")
            self._remove(f"{folder}/{gone}")
            return
        target = f"{folder}/{name}"
        if member.isdir():
            self._make_folder(target)
            self._made.add(target)
            return
        self._remove(target)
        if member.isreg():
            self._write(target, member, archive)
        elif member.issym():
            os.symlink(member.linkname, target)
        elif member.islnk():
            self._link(target, member)
        else:
            raise self._refused(member, "is a device, a pipe or a socket")
        self._made.add(target)

    def _write(self, target: str, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        mode = 0o755 if member.mode & 0o111 else 0o644
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(target, flags, mode)
        content = archive.extractfile(member)
        assert content is not None  # noqa: S101 - regular files have content
        with open(fd, "wb", buffering=0) as out:
            while data := content.read(_CHUNK):
                out.write(data)
            os.fchmod(fd, mode)  # the umask of the user must not decide

    def _link(self, target: str, member: tarfile.TarInfo) -> None:
        path = clean_path(member.linkname, self._where)
        parent, _, name = path.rpartition("/")
        source = f"{self._folder(parent)}/{name}"
        try:
            regular = stat.S_ISREG(os.lstat(source).st_mode)
        except FileNotFoundError:
            regular = False
        if not regular:
            raise self._refused(member, f"is a hard link to {member.linkname!r}, not a file of it")
        os.link(source, target, follow_symlinks=False)

    def _refused(self, member: tarfile.TarInfo, why: str) -> BuildError:
        return BuildError(
            f"member {member.name!r} {why}",
            where=self._where,
            hint="the image is damaged or hostile: pin another digest",
        )

    def _folder(self, path: str) -> str:
        """Return the real folder that a path of the image means, making what is missing."""
        known = self._folders.get(path)
        if known is None:
            known = self._folders[path] = self._resolve(path)
        return known

    def _resolve(self, path: str) -> str:
        here: list[str] = []
        todo = path.split("/")[::-1]
        links = 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                here = here[:-1]
                continue
            place = "/".join((self._root, *here, part))
            try:
                mode = os.lstat(place).st_mode
            except FileNotFoundError:
                self._make_folder(place)
                self._made.add(place)
                here.append(part)
                continue
            if stat.S_ISLNK(mode):
                links += 1
                if links > _MAX_LINKS:
                    raise BuildError(f"too many links in {path!r}", where=self._where)
                target = os.readlink(place)
                if target.startswith("/"):
                    here = []
                todo.extend(target.split("/")[::-1])
            elif stat.S_ISDIR(mode):
                here.append(part)
            else:
                raise BuildError(f"{path!r} leads through a file", where=self._where)
        return "/".join((self._root, *here))

    def _make_folder(self, target: str) -> None:
        try:
            mode = os.lstat(target).st_mode
        except FileNotFoundError:
            pass
        else:
            if stat.S_ISDIR(mode):
                return
            self._remove(target)
        os.mkdir(target)
        os.chmod(target, 0o755)  # noqa: S103 - nobody's uid must read the root

    def _empty(self, folder: str) -> None:
        for name in os.listdir(folder):
            if f"{folder}/{name}" not in self._made:
                self._remove(f"{folder}/{name}")

    def _remove(self, target: str) -> None:
        try:
            mode = os.lstat(target).st_mode
        except FileNotFoundError:
            return
        if stat.S_ISDIR(mode):
            shutil.rmtree(target)
        else:
            os.unlink(target)
        self._folders = {"": self._root}  # what was resolved may lead elsewhere now
