"""Read and write base.lock, requirements.lock and iae.lock; I/O is not handled here.

None of them holds the address of a mirror or an index: those come from the machine that builds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.digest import Sha256, canonical_json, sha256_bytes
from neurocaas_ci.model.registry import IaeLock

_RELOCK = "write it again: neurocaas iae lock {name}"
_FIELDS = 5
_DEB_NAME = re.compile(r"[a-z0-9][a-z0-9+.\-]+")
_DEB_VERSION = re.compile(r"[A-Za-z0-9.+:~\-]+")
_POOL_PATH = re.compile(r"(?:[A-Za-z0-9_+~%:\-][A-Za-z0-9._+~%:\-]*/)+[A-Za-z0-9._+~%:\-]+\.deb")
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._\-]*)==(?P<version>[A-Za-z0-9.!+_\-]+)"
    r"\s+--hash=sha256:(?P<sha256>[0-9a-f]{64})"
)
_BASIS = "# basis: "


@dataclass(frozen=True, slots=True)
class LockedDeb:
    """A Debian package; `path` is relative to a mirror, `size` is bytes."""

    name: str
    version: str
    sha256: Sha256
    size: int
    path: str


@dataclass(frozen=True, slots=True)
class LockedWheel:
    """A wheel of the Python index."""

    name: str
    version: str
    sha256: Sha256


def basis(**choices: Any) -> Sha256:
    """Return a digest of what a lock was made for, by which a lock is known to be out of date."""
    return sha256_bytes(canonical_json(choices))


def basis_of(text: str) -> str | None:
    """Return the basis that a lock names, if any."""
    for line in text.splitlines():
        if line.startswith(_BASIS):
            return line.removeprefix(_BASIS).strip()
    return None


def format_base_lock(debs: Sequence[LockedDeb], made_for: Sha256) -> str:
    """Return base.lock: one package per line, sorted by name."""
    head = f"# Made by `neurocaas iae lock`: name version sha256 size path\n{_BASIS}{made_for}\n"
    lines = (
        f"{d.name} {d.version} {d.sha256} {d.size} {d.path}\n"
        for d in sorted(debs, key=lambda d: d.name)
    )
    return head + "".join(lines)


def parse_base_lock(data: bytes, name: str, file: str = "base.lock") -> tuple[LockedDeb, ...]:
    """Read base.lock, or another file of its form, of the IAE `name`; raise BuildError with file and line."""
    where = f"iae/{name}/{file}"
    found: dict[str, LockedDeb] = {}
    for number, line in lock_lines(data, where, name):
        fields = line.split()
        place = f"{where}:{number}"
        if len(fields) != _FIELDS:
            raise bad_lock("expected `name version sha256 size path`", place, name)
        deb_name, version, digest, size, path = fields
        checks = (
            (_DEB_NAME.fullmatch(deb_name), "not a package name"),
            (_DEB_VERSION.fullmatch(version), "not a package version"),
            (re.fullmatch(r"[0-9a-f]{64}", digest), "not a SHA-256 digest"),
            (re.fullmatch(r"[1-9][0-9]{0,10}", size), "not a size in bytes"),
            (_POOL_PATH.fullmatch(path), "not a path of a package on a mirror"),
        )
        for field, (sound, problem) in zip(fields, checks, strict=True):
            if not sound:
                raise bad_lock(f"{problem}: {field!r}", place, name)
        if deb_name in found:
            raise bad_lock(f"package {deb_name!r} is locked twice", place, name)
        found[deb_name] = LockedDeb(deb_name, version, Sha256(digest), int(size), path)
    if not found:
        raise bad_lock("it locks no package", where, name)
    return tuple(found.values())


def format_requirements_lock(wheels: Sequence[LockedWheel], made_for: Sha256) -> str:
    """Return requirements.lock: one wheel per line, sorted by name; pip can read it too."""
    head = f"# Made by `neurocaas iae lock`: the one wheel of each package\n{_BASIS}{made_for}\n"
    lines = (
        f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n"
        for w in sorted(wheels, key=lambda w: w.name)
    )
    return head + "".join(lines)


def parse_requirements_lock(
    data: bytes, name: str, file: str = "requirements.lock"
) -> tuple[LockedWheel, ...]:
    """Read requirements.lock, or another file of its form, of an IAE; raise BuildError with file and line."""
    where = f"iae/{name}/{file}"
    found: dict[str, LockedWheel] = {}
    for number, line in lock_lines(data, where, name):
        match = _REQUIREMENT.fullmatch(line)
        if match is None:
            raise bad_lock(
                f"expected `name==version --hash=sha256:…`, found {line[:80]!r}",
                f"{where}:{number}",
                name,
            )
        wheel = LockedWheel(match["name"], match["version"], Sha256(match["sha256"]))
        if wheel.name.lower() in found:
            raise bad_lock(f"package {wheel.name!r} is locked twice", f"{where}:{number}", name)
        found[wheel.name.lower()] = wheel
    return tuple(found.values())


def format_iae_lock(lock: IaeLock) -> str:
    """Return iae.lock."""
    return (
        "# Made by `neurocaas iae lock`; `neurocaas build --check` proves it.\n"
        "schema: neurocaas/iae-lock/v1\n"
        f'recipe: "{lock.recipe}"\n'
        f'image: "{lock.image}"\n'
        f'config: "{lock.config}"\n'
        f"reproducible: {'true' if lock.reproducible else 'false'}\n"
    )


def lock_lines(data: bytes, where: str, name: str) -> list[tuple[int, str]]:
    """Return number and text of the lines that say something; raise BuildError for other than ASCII."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise bad_lock("it is not plain ASCII text", where, name) from error
    stripped = ((n, line.strip()) for n, line in enumerate(text.split("\n"), 1))
    return [(n, line) for n, line in stripped if line and not line.startswith("#")]


def bad_lock(problem: str, where: str, name: str) -> BuildError:
    """Return the error for a lock that is not as it was written."""
    return BuildError(problem, where=where, hint=_RELOCK.format(name=name))
