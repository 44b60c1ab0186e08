"""Judge what a build left, and write it as the one canonical wheel of its content.

Whoever wrote the archive is not believed. A canonical wheel is stored without compression, sorted,
with one time stamp and two modes, and with a RECORD of our own, so it follows from the files alone.
"""

from __future__ import annotations

import base64
import email.parser
import hashlib
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from neurocaas_ci.build.constants import EPOCH
from neurocaas_ci.build.source_locks import WheelFile, normal
from neurocaas_ci.build.wheel import is_executable, opened, wheel_files
from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.named import NamedTuple

_MOST_FILES = 100_000
_MOST_BYTES = 4 << 30
_MOST_METADATA = 4 << 20
_CHUNK = 1 << 20
_TIME = time.gmtime(EPOCH)[:6]
_NAME = re.compile(r"[A-Za-z0-9.!+_]+(?:-[A-Za-z0-9.!+_]+){4,5}\.whl")
_SIGNATURES = ("RECORD.jws", "RECORD.p7s")
_BACKEND = (
    "its build backend made it so: try another version of the backend in sources.requirements"
)


class Expected(NamedTuple):
    """What a wheel must be: its package, the Python series (`3.11`), the processor (`x86_64`)."""

    name: str
    version: str
    python: str
    machine: str


def write_canonical(
    title: str, source: Path, target: Path, expected: Expected
) -> tuple[WheelFile, ...]:
    """Write the canonical form of the wheel `source`, called `title`, and return its files.

    Raise BuildError when it is damaged, is not the wheel of this package, or leaves its places.
    """
    where = f"{expected.name}=={expected.version}"
    _check_name(title, expected, where)
    with opened(where, source) as archive:
        members = _members(archive, where)
        info = _info_folder(members, where)
        _check_metadata(_small(archive, members, f"{info}/METADATA", where), expected, where)
        _check_tags(_small(archive, members, f"{info}/WHEEL", where), expected, where)
        dropped = {f"{info}/RECORD", *(f"{info}/{name}" for name in _SIGNATURES)}
        files = []
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out:
            left = _MOST_BYTES
            for path in sorted(set(members) - dropped, key=str.encode):
                with archive.open(members[path]) as stream:
                    file = _copy(cast("BinaryIO", stream), out, path, members[path], left, where)
                left -= file.size
                files.append(file)
            record = _record(files, f"{info}/RECORD")
            out.writestr(_member(f"{info}/RECORD", executable=False), record)
            digest = Sha256(hashlib.sha256(record).hexdigest())
            own = WheelFile(f"{info}/RECORD", executable=False, sha256=digest, size=len(record))
            files.append(own)
    return tuple(sorted(files))


def read_canonical(name: str, path: Path) -> tuple[WheelFile, ...] | None:
    """Return the files of a wheel that was written before, or None when it is not there or damaged."""
    try:
        with opened(name, path) as archive:
            found = []
            for member, place in wheel_files(name, archive):
                hasher = hashlib.sha256()
                with archive.open(member) as stream:
                    for data in _chunks(cast("BinaryIO", stream)):
                        hasher.update(data)
                digest = Sha256(hasher.hexdigest())
                found.append(WheelFile(place, is_executable(member), digest, member.file_size))
    except (BuildError, FileNotFoundError):
        return None
    return tuple(sorted(found))


def first_difference(locked: tuple[WheelFile, ...], built: tuple[WheelFile, ...]) -> str | None:
    """Say in which file two wheels differ first, by path; None when they are the same."""
    before = {file.path: file for file in locked}
    after = {file.path: file for file in built}
    # RECORD repeats what the others say, so it is named only when it alone differs.
    paths = sorted({*before, *after}, key=lambda p: (p.endswith(".dist-info/RECORD"), p.encode()))
    for path in paths:
        one, other = before.get(path), after.get(path)
        if one == other:
            continue
        if one is None:
            return f"{path} is only in the built one"
        if other is None:
            return f"{path} is only in the locked one"
        return (
            f"{path} differs first: locked {one.sha256[:16]}… ({one.size} bytes), "
            f"built {other.sha256[:16]}… ({other.size} bytes)"
        )
    return None


def _check_name(title: str, expected: Expected, where: str) -> None:
    if not _NAME.fullmatch(title):
        raise BuildError(
            f"the build made {title!r}, which is no name of a wheel", where=where, hint=_BACKEND
        )
    name, version, *_ = title.split("-")
    if normal(name) != expected.name or not _same_version(version, expected.version):
        raise BuildError(
            f"the build made {title}, a wheel of another package or version",
            where=where,
            hint="correct `package` in iae.yaml, or `commit` where the sources come from git",
        )


def _same_version(found: str, wanted: str) -> bool:
    return found.replace("_", "+") == wanted.replace("_", "+")


def _members(archive: zipfile.ZipFile, where: str) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    for info, path in wheel_files(where, archive):
        if not path or path in found:
            raise BuildError(
                f"the wheel brings {path!r} twice, or without a name", where=where, hint=_BACKEND
            )
        found[path] = info
        if len(found) > _MOST_FILES:
            raise BuildError(f"the wheel has more than {_MOST_FILES} files", where=where)
    return found


def _info_folder(members: dict[str, zipfile.ZipInfo], where: str) -> str:
    folders = {path.partition("/")[0] for path in members if ".dist-info/" in path}
    found = [folder for folder in folders if folder.endswith(".dist-info")]
    if len(found) != 1:
        raise BuildError(
            f"the wheel describes {len(found)} packages, not one", where=where,
            hint="a wheel has one folder whose name ends with .dist-info",
        )  # fmt: skip
    return found[0]


def _small(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], path: str, where: str
) -> str:
    info = members.get(path)
    if info is None or info.file_size > _MOST_METADATA:
        raise BuildError(f"the wheel has no {path}, or a huge one", where=where, hint=_BACKEND)
    return archive.read(info).decode("utf-8", "replace")


def _check_metadata(text: str, expected: Expected, where: str) -> None:
    fields = email.parser.HeaderParser().parsestr(text)
    name, version = str(fields["Name"]), str(fields["Version"])
    if normal(name) != expected.name or not _same_version(version, expected.version):
        raise BuildError(
            f"the wheel says that it is {name[:80]} {version[:80]}",
            where=where,
            hint="correct `package` in iae.yaml, or `commit` where the sources come from git",
        )


def _check_tags(text: str, expected: Expected, where: str) -> None:
    series = expected.python.replace(".", "")
    pythons = {f"cp{series}", f"py{series}", "py3"}
    tags = email.parser.HeaderParser().parsestr(text).get_all("Tag", [])
    for tag in map(str, tags):
        python, _, rest = tag.partition("-")
        abi, _, platform = rest.partition("-")
        # The stable interface of an older Python is that of this one as well.
        fits = python in pythons or (abi == "abi3" and python.startswith("cp3"))
        if fits and platform in ("any", f"linux_{expected.machine}"):
            return
    raise BuildError(
        f"the wheel is for {', '.join(map(str, tags))[:200] or 'nothing'}, not for Python "
        f"{expected.python} on {expected.machine}",
        where=where,
        hint="name a version of the package, or a commit, that supports it, or another `python` in iae.yaml",
    )


def _copy(
    stream: BinaryIO, out: zipfile.ZipFile, path: str, info: zipfile.ZipInfo, left: int, where: str
) -> WheelFile:
    if info.file_size > left:
        raise BuildError(f"the wheel holds more than {_MOST_BYTES:,} bytes", where=where)
    hasher, size = hashlib.sha256(), 0
    executable = is_executable(info)
    member = _member(path, executable=executable)
    member.file_size = info.file_size
    with out.open(member, "w") as target:
        for data in _chunks(stream):
            size += len(data)
            hasher.update(data)
            target.write(data)
    return WheelFile(path, executable, Sha256(hasher.hexdigest()), size)


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while data := stream.read(_CHUNK):
        yield data


def _member(path: str, *, executable: bool) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, _TIME)
    info.create_system = 3
    info.external_attr = (0o100755 if executable else 0o100644) << 16
    return info


def _record(files: list[WheelFile], own: str) -> bytes:
    lines = []
    for file in files:
        digest = base64.urlsafe_b64encode(bytes.fromhex(file.sha256)).rstrip(b"=").decode()
        lines.append(f"{_field(file.path)},sha256={digest},{file.size}\n")
    return ("".join(lines) + f"{_field(own)},,\n").encode()


def _field(path: str) -> str:
    quoted = path.replace('"', '""')
    return f'"{quoted}"' if '"' in path or "," in path else path
