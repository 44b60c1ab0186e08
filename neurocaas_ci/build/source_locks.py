"""Read and write sources.lock: what is built from source, and every file of the wheels that it gives.

I/O is not handled here. No line holds the address of an index; the repository of a git source stands
in iae.yaml, because it is part of what the source is called.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote

from neurocaas_ci.build.locks import LockedWheel, bad_lock, lock_lines
from neurocaas_ci.model.digest import Sha256, canonical_json, sha256_bytes
from neurocaas_ci.named import NamedTuple

NAME = "sources.lock"
DEBS = "build.lock"
WHEELS = "build-requirements.lock"

_HEAD = """\
# Made by `neurocaas iae lock`: what is built from source (sdist or git, name, version, sha256, size,
# file or commit), and below each the files of the wheel that it gives (file, mode, sha256, size, path)
"""
_SHA256 = r"(?P<sha256>[0-9a-f]{64}) (?P<size>[0-9]{1,12})"
_SOURCE = re.compile(
    r"(?P<kind>sdist|git) (?P<name>[a-z0-9]+(?:-[a-z0-9]+)*) (?P<version>[A-Za-z0-9.!+_\-]+) "
    rf"{_SHA256} (?P<origin>[A-Za-z0-9][A-Za-z0-9.!+_\-]*)"
)
_FILE = re.compile(rf"file (?P<mode>644|755) {_SHA256} (?P<path>[!-~]+)")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class WheelFile(NamedTuple):
    """One file of a wheel; `size` is bytes."""

    path: str
    executable: bool
    sha256: Sha256
    size: int


class PinnedSource(NamedTuple):
    """One source archive: its digest and size in bytes.

    `origin` is the file name of an sdist, or the commit of which the archive is the canonical one.
    """

    name: str
    version: str
    sha256: Sha256
    size: int
    origin: str

    @property
    def is_git(self) -> bool:
        """Tell whether the archive is one that we made of a commit."""
        return _COMMIT.fullmatch(self.origin) is not None


class LockedSource(NamedTuple):
    """A source, and the wheel that the locked tools make of it, sorted by path."""

    pin: PinnedSource
    files: tuple[WheelFile, ...]

    @property
    def wheel(self) -> LockedWheel:
        """Return the built wheel as one among those of requirements.lock; its digest is that of its files."""
        return LockedWheel(self.pin.name, self.pin.version, wheel_digest(self.files))


def normal(name: str) -> str:
    """Return the one spelling of a package name that an index knows (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def wheel_digest(files: Sequence[WheelFile]) -> Sha256:
    """Return the digest of what a wheel installs, however it is packed."""
    return sha256_bytes(
        canonical_json([[f.path, f.executable, f.sha256, f.size] for f in sorted(files)])
    )


def format_sources_lock(sources: Sequence[LockedSource], made_for: Sha256) -> str:
    """Return sources.lock, sorted by name."""
    parts = [_HEAD, f"# basis: {made_for}\n"]
    for pin, files in sorted(sources):
        kind = "git" if pin.is_git else "sdist"
        parts.append(f"{kind} {pin.name} {pin.version} {pin.sha256} {pin.size} {pin.origin}\n")
        parts += [
            f"  file {755 if f.executable else 644} {f.sha256} {f.size} {quote(f.path)}\n"
            for f in sorted(files)
        ]
    return "".join(parts)


def parse_sources_lock(data: bytes, name: str) -> tuple[LockedSource, ...]:
    """Read sources.lock of the IAE `name`; raise BuildError with file and line."""
    where = f"iae/{name}/{NAME}"
    found: dict[str, tuple[PinnedSource, dict[str, WheelFile]]] = {}
    files: dict[str, WheelFile] | None = None
    for number, line in lock_lines(data, where, name):
        place = f"{where}:{number}"
        if match := _SOURCE.fullmatch(line):
            pin = PinnedSource(
                match["name"], match["version"], Sha256(match["sha256"]), int(match["size"]),
                match["origin"],
            )  # fmt: skip
            if pin.name in found:
                raise bad_lock(f"package {pin.name!r} is locked twice", place, name)
            if pin.is_git != (match["kind"] == "git"):
                raise bad_lock("only a git source has a commit", place, name)
            files = {}
            found[pin.name] = pin, files
        elif (match := _FILE.fullmatch(line)) and files is not None:
            path = unquote(match["path"])
            if path in files:
                raise bad_lock(f"file {path!r} is locked twice", place, name)
            files[path] = WheelFile(
                path, match["mode"] == "755", Sha256(match["sha256"]), int(match["size"])
            )
        else:
            raise bad_lock(f"expected a source or a file of it, found {line[:80]!r}", place, name)
    for pin, files in found.values():
        if not files:
            raise bad_lock(f"the wheel of {pin.name!r} is not locked", where, name)
    return tuple(LockedSource(pin, tuple(sorted(files.values()))) for pin, files in found.values())
