"""Unpack locked Debian packages into layer entries: no root, no dpkg, no maintainer scripts.

Formats: deb(5) (an `ar` archive) around a tar archive. `/bin`, `/sbin`, `/lib*` become links into
`/usr`, as on every Debian since 12 (https://wiki.debian.org/UsrMerge).
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from neurocaas_ci.build.cache import is_disk_error
from neurocaas_ci.build.entries import (
    FOLDER,
    Entry,
    clean_path,
    file_entry,
    link_entry,
    merged,
)
from neurocaas_ci.build.skeleton import skeleton
from neurocaas_ci.build.spool import Spool
from neurocaas_ci.errors import BackendUnavailableError, BuildError

_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")

# Nothing here is read by a program that computes; it would be a third of the image.
_SLIMMED = (
    *(f"usr/share/{name}/" for name in ("doc", "doc-base", "man", "info", "locale")),
    *(f"usr/share/{name}/" for name in ("lintian", "bug", "menu", "gcc")),
    *("var/cache/", "var/log/", "var/lib/apt/", "var/lib/dpkg/"),
)

_AR_MAGIC = b"!<arch>\n"
_AR_HEADER = 60


def deb_entries(packages: Sequence[tuple[str, Path]], spool: Spool) -> dict[str, Entry]:
    """Return what (name, file) packages install, plus the skeleton of a root.

    Raise BuildError naming the package for anything that is not a sound Debian package.
    """
    parts = [(name, dict(_members(name, path, spool))) for name, path in packages]
    whole = merged(parts, spool.same)
    for top in _MERGED:
        if top in ("bin", "sbin", "lib") or any(p.startswith(f"usr/{top}/") for p in whole):
            whole[top] = link_entry(f"usr/{top}")
            whole.setdefault(f"usr/{top}", FOLDER)
    return whole | skeleton()


def _members(name: str, path: Path, spool: Spool) -> Iterator[tuple[str, Entry]]:
    seen: dict[str, Entry] = {}
    try:
        with _open_data(name, path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                place = _place(member.name, name)
                if not place or f"{place}/".startswith(_SLIMMED):
                    continue
                entry = _entry(member, archive, spool, seen, name)
                if entry.kind == "link" and entry.target == f"/{place}":
                    continue  # a link from the old place to the new one, which are now the same
                seen[place] = entry
                yield place, entry
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError, ValueError) as error:
        if is_disk_error(error):
            raise
        raise BuildError(f"not a sound Debian package: {error}", where=name) from error


def _place(member: str, where: str) -> str:
    # dpkg packs "./usr/…"; a rare one packs "/usr/…", which dpkg reads as relative too.
    path = clean_path(member.removeprefix("./"), where)
    top = path.partition("/")[0]
    return f"usr/{path}" if top in _MERGED else path


def _entry(
    member: tarfile.TarInfo,
    archive: tarfile.TarFile,
    spool: Spool,
    seen: dict[str, Entry],
    where: str,
) -> Entry:
    if member.isdir():
        return FOLDER
    if member.issym():
        return link_entry(member.linkname)
    if member.islnk():
        target = seen.get(_place(member.linkname, where))
        if target is None or target.kind != "file":
            raise BuildError(
                f"hard link {member.name!r} points to {member.linkname!r}, which is not in it",
                where=where,
            )
        return target
    if member.isreg():
        content = archive.extractfile(member)
        assert content is not None  # noqa: S101 - regular files have content
        return file_entry(
            spool.add(cast("BinaryIO", content)), executable=bool(member.mode & 0o111)
        )
    raise BuildError(f"member {member.name!r} is a device or a pipe", where=where)


def _open_data(name: str, path: Path) -> BinaryIO:
    """Return the uncompressed data archive of a package as a stream."""
    for member, data in _ar_members(name, path):
        if not member.startswith("data.tar"):
            continue
        suffix = member.removeprefix("data.tar")
        packed = io.BytesIO(data)
        if suffix == ".xz":
            return cast("BinaryIO", lzma.open(packed))
        if suffix == ".gz":
            return cast("BinaryIO", gzip.open(packed))
        if suffix == ".bz2":
            return cast("BinaryIO", bz2.open(packed))
        if suffix == ".zst":
            return io.BytesIO(_unzstd(name, data))
        if not suffix:
            return packed
        raise BuildError(f"unknown compression {suffix!r}", where=name)
    raise BuildError("it holds no data archive", where=name)


def _ar_members(name: str, path: Path) -> Iterator[tuple[str, bytes]]:
    data = path.read_bytes()
    if not data.startswith(_AR_MAGIC):
        raise BuildError("not a Debian package", where=name)
    at = len(_AR_MAGIC)
    while at < len(data):
        header = data[at : at + _AR_HEADER]
        if len(header) < _AR_HEADER or header[58:60] != b"`\n":
            raise BuildError("its archive is damaged", where=name)
        size = int(header[48:58])
        start = at + _AR_HEADER
        if size < 0 or start + size > len(data):
            raise BuildError("its archive is cut off", where=name)
        yield header[:16].decode("ascii").strip().rstrip("/"), data[start : start + size]
        at = start + size + size % 2


def _unzstd(name: str, data: bytes) -> bytes:
    program = shutil.which("zstd")
    if program is None:
        raise BackendUnavailableError(
            "the package is compressed with Zstandard",
            where=name,
            hint="install the program zstd and build again",
        )
    done = subprocess.run([program, "-dc"], input=data, capture_output=True, check=False)
    if done.returncode:
        raise BuildError(done.stderr.decode(errors="replace").strip(), where=name)
    return done.stdout
