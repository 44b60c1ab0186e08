"""The packages of one IAE that are built from source, as its locks pin them.

Whether a built wheel is the locked one is seen on every use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neurocaas_ci.build.base import Say, debian_glibc
from neurocaas_ci.build.cache import Cache
from neurocaas_ci.build.locks import LockedWheel, parse_base_lock, parse_requirements_lock
from neurocaas_ci.build.recipe import Source
from neurocaas_ci.build.source_locks import (
    DEBS,
    NAME,
    WHEELS,
    LockedSource,
    parse_sources_lock,
)
from neurocaas_ci.build.target import WheelTarget
from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.registry import Iae, SourcePackage

if TYPE_CHECKING:
    from neurocaas_ci.build.from_source import Tools


class SourceWheels:
    """The packages of one IAE that are built from source, as its locks pin them."""

    def __init__(
        self, iae: Iae, files: Mapping[str, Source], cache: Cache, say: Say, *, fresh: bool
    ) -> None:
        self._iae = iae
        self._files = files
        self._cache = cache
        self._say = say
        self._fresh = fresh
        self._tools: Tools | None = None
        self._locked = {one.pin.name: one for one in self._read()}

    def wheels(self) -> tuple[LockedWheel, ...]:
        """Return the built packages as locked wheels."""
        return tuple(one.wheel for one in self._locked.values())

    def refuse_other(self, glibc: tuple[int, int], wheels: Sequence[LockedWheel]) -> None:
        """Raise BuildError when what is built here cannot be used beside the base and the wheels."""
        if not self._locked:
            return
        names = [wheel.name for wheel in wheels]
        for name in self._locked:
            if names.count(name) > 1:
                raise BuildError(
                    f"{name} is built from source, and locked as a wheel as well",
                    where=f"iae/{self._iae.name}/requirements.lock",
                    hint=f"lock again: neurocaas iae lock {self._iae.name}",
                )
        built_with = debian_glibc(parse_base_lock(self._content(DEBS), self._iae.name, DEBS))
        if built_with > glibc:
            raise BuildError(
                f"the build environment has C library {_dotted(built_with)}, newer than that of the "
                f"base ({_dotted(glibc)})",
                where=f"iae/{self._iae.name}/{DEBS}",
                hint="what is built there would not start: use a base of the same Debian release",
            )

    def fetch(self, target: WheelTarget, wheels: Sequence[LockedWheel]) -> list[tuple[str, Path]]:
        """Return (name, file) of locked wheels: those of the index fetched, the others built.

        Raise BuildError when a source gives another wheel than the locked one, with the first file
        that differs.
        """
        from neurocaas_ci.build.wheels import fetch_wheels

        others = [wheel for wheel in wheels if wheel.name not in self._locked]
        found = fetch_wheels(others, target, self._cache, self._say)
        for wheel in wheels:
            if wheel.name in self._locked:
                found.append(
                    (f"{wheel.name}=={wheel.version}", self._built(self._locked[wheel.name]))
                )
        return found

    def _built(self, locked: LockedSource) -> Path:
        from neurocaas_ci.build.archives import fetch_archive
        from neurocaas_ci.build.built_wheel import first_difference
        from neurocaas_ci.build.from_source import build_wheel

        source = next(p for p in self._wanted() if p.name == locked.pin.name)
        difference: str | None = ""
        for fresh in (self._fresh, True):
            archive = fetch_archive(source, locked.pin, self._cache, self._say)
            made = build_wheel(
                locked.pin, archive, self._root(), self._cache, self._say, fresh=fresh
            )
            difference = first_difference(locked.files, made.files)
            if difference is None:
                return made.path
            if fresh:
                break  # what the cache remembered may be damaged; what was built just now is not
        name = self._iae.name
        raise BuildError(
            f"the wheel that was built from {locked.pin.name}=={locked.pin.version} is not the "
            f"locked one: {difference}",
            where=f"iae/{name}/{NAME}",
            hint=f"lock again: neurocaas iae lock {name} --upgrade; if that does not settle it, its "
            "build depends on the machine (the processor, -march=native) or on chance",
        )

    def _root(self) -> Tools:
        if self._tools is None:
            from neurocaas_ci.build.from_source import make_tools

            name = self._iae.name
            debs = parse_base_lock(self._content(DEBS), name, DEBS)
            wheels = parse_requirements_lock(self._content(WHEELS), name, WHEELS)
            self._tools = make_tools(
                self._iae, debs, wheels, self._cache, self._say, fresh=self._fresh
            )
        return self._tools

    def _wanted(self) -> tuple[SourcePackage, ...]:
        return self._iae.sources.packages if self._iae.sources else ()

    def _read(self) -> tuple[LockedSource, ...]:
        if not self._wanted():
            return ()
        name = self._iae.name
        found = parse_sources_lock(self._content(NAME), name)
        wanted = [(p.name, p.version, p.commit) for p in self._wanted()]
        pinned = [
            (one.pin.name, one.pin.version, one.pin.origin if one.pin.is_git else "")
            for one in found
        ]
        if sorted(wanted) != sorted(pinned):
            raise BuildError(
                f"{NAME} is of other sources than iae.yaml names",
                where=f"iae/{name}/{NAME}",
                hint=f"lock again: neurocaas iae lock {name}",
            )
        return found

    def _content(self, lock: str) -> bytes:
        source = self._files.get(lock)
        if source is None:
            raise BuildError(
                "the packages that are built from source are not locked",
                where=f"iae/{self._iae.name}/{lock}",
                hint=f"write the lock: neurocaas iae lock {self._iae.name}",
            )
        return source.content


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
