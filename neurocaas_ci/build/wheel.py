"""Unpack locked wheels into layer entries, without pip.

Installation scheme: https://packaging.python.org/specifications/binary-distribution-format/.
Console scripts are not generated and `RECORD` stays as it was published: both would hold paths and
hashes that differ between installers.
"""

from __future__ import annotations

import contextlib
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from neurocaas_ci.build.cache import is_disk_error
from neurocaas_ci.build.entries import Entry, clean_path, file_entry, merged
from neurocaas_ci.build.spool import Spool
from neurocaas_ci.errors import BuildError

_SCHEME_PARTS = 3
# What zipfile raises for damaged or unsupported archives; RuntimeError stands for encrypted ones.
_UNSOUND = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError),
    *(NotImplementedError, RuntimeError),
)


def wheel_entries(
    wheels: Sequence[tuple[str, Path]], site: str, interpreter: str, spool: Spool
) -> dict[str, Entry]:
    """Return what (name, file) wheels install below `site`, a path relative to the root.

    Raise BuildError naming the wheel when it is damaged or writes outside of its places.
    """
    return merged(
        ((name, dict(_members(name, path, site, interpreter, spool))) for name, path in wheels),
        spool.same,
    )


def refuse_clashes(wheels: Sequence[tuple[str, Path]], site: str) -> None:
    """Raise BuildError when two (name, file) wheels bring different files for one path.

    For wheels that go into different layers, where the upper one would win; only the tables of
    contents are read, so sameness is that of size, check sum and mode.
    """
    known: dict[str, tuple[str, tuple[int, int, bool]]] = {}
    for name, path in wheels:
        with opened(name, path) as archive:
            for info, member in wheel_files(name, archive):
                place, _ = _target(member, site, name)
                found = (info.file_size, info.CRC, is_executable(info))
                owner, before = known.setdefault(place, (name, found))
                if before != found:
                    raise BuildError(
                        f"{name} and {owner} both bring {place!r}, with different content",
                        hint="remove one of the two packages",
                    )


def _members(
    name: str, path: Path, site: str, interpreter: str, spool: Spool
) -> Iterator[tuple[str, Entry]]:
    with opened(name, path) as archive:
        for info, member in wheel_files(name, archive):
            target, is_script = _target(member, site, name)
            with archive.open(info) as stream:
                if is_script:
                    script = _with_shebang(stream.read(), interpreter)
                    yield target, file_entry(spool.add_bytes(script), executable=True)
                else:
                    content = spool.add(cast("BinaryIO", stream))
                    yield target, file_entry(content, executable=is_executable(info))


@contextlib.contextmanager
def opened(name: str, path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a wheel; raise BuildError that calls it `name` when it is damaged, also while it is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except _UNSOUND as error:
        if is_disk_error(error):
            raise
        raise BuildError(f"not a sound wheel: {error}", where=name) from error


def wheel_files(name: str, archive: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    """Yield the files of a wheel with their clean paths; raise BuildError for links, devices and `..`."""
    for info in archive.infolist():
        if info.is_dir():
            continue
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            raise BuildError(f"member {info.filename!r} is not a regular file", where=name)
        yield info, clean_path(info.filename, name)


def is_executable(info: zipfile.ZipInfo) -> bool:
    """Tell whether somebody may execute a file of a wheel."""
    return bool(info.external_attr >> 16 & 0o111)


def _target(member: str, site: str, where: str) -> tuple[str, bool]:
    """Return where a member goes, and whether it is a script."""
    parts = PurePosixPath(member).parts
    if not parts:
        raise BuildError("it has a member without a name", where=where)
    if not parts[0].endswith(".data"):
        return f"{site}/{member}", False
    if len(parts) < _SCHEME_PARTS or (folder := _scheme(parts[1], site)) is None:
        raise BuildError(f"member {member!r} belongs to no known installation scheme", where=where)
    return f"{folder}/{'/'.join(parts[2:])}", parts[1] == "scripts"


def _scheme(key: str, site: str) -> str | None:
    return {
        "purelib": site,
        "platlib": site,
        "scripts": "usr/local/bin",
        "data": "usr/local",
        "headers": "usr/local/include",
    }.get(key)


def _with_shebang(script: bytes, interpreter: str) -> bytes:
    first, newline, rest = script.partition(b"\n")
    if not first.startswith(b"#!python"):
        return script
    return b"#!" + interpreter.encode() + newline + rest
