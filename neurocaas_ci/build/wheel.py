"""Unpack locked wheels into layer entries, without pip.

Installation scheme: https://packaging.python.org/specifications/binary-distribution-format/.
Console scripts are not generated and `RECORD` stays as it was published: both would hold paths and
hashes that differ between installers.
"""

from __future__ import annotations

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


def _members(
    name: str, path: Path, site: str, interpreter: str, spool: Spool
) -> Iterator[tuple[str, Entry]]:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.is_dir():
                    continue
                mode = info.external_attr >> 16
                if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                    raise BuildError(f"member {info.filename!r} is not a regular file", where=name)
                member = clean_path(info.filename, name)
                with archive.open(info) as stream:
                    yield _place(
                        member, site, interpreter, cast("BinaryIO", stream), spool, mode, name
                    )
    except _UNSOUND as error:
        if is_disk_error(error):
            raise
        raise BuildError(f"not a sound wheel: {error}", where=name) from error


def _place(
    member: str,
    site: str,
    interpreter: str,
    stream: BinaryIO,
    spool: Spool,
    mode: int,
    where: str,
) -> tuple[str, Entry]:
    parts = PurePosixPath(member).parts
    if not parts:
        raise BuildError("it has a member without a name", where=where)
    executable = bool(mode & 0o111)
    if not parts[0].endswith(".data"):
        return f"{site}/{member}", file_entry(spool.add(stream), executable=executable)
    if len(parts) < _SCHEME_PARTS or (folder := _scheme(parts[1], site)) is None:
        raise BuildError(f"member {member!r} belongs to no known installation scheme", where=where)
    target = f"{folder}/{'/'.join(parts[2:])}"
    if parts[1] == "scripts":
        script = _with_shebang(stream.read(), interpreter)
        return target, file_entry(spool.add_bytes(script), executable=True)
    return target, file_entry(spool.add(stream), executable=executable)


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
