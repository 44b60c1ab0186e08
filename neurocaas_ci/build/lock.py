"""Write the lock files of an IAE in a working folder: base.lock, requirements.lock, iae.lock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neurocaas_ci.build.base import Say, make_base
from neurocaas_ci.build.builder import Built, Request, build, target_of
from neurocaas_ci.build.cache import Cache, write_atomic
from neurocaas_ci.build.constants import architecture
from neurocaas_ci.build.locks import (
    basis,
    basis_of,
    format_base_lock,
    format_iae_lock,
    format_requirements_lock,
)
from neurocaas_ci.build.recipe import Source, sources
from neurocaas_ci.build.source import load_iae
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.digest import sha256_bytes
from neurocaas_ci.model.registry import Iae
from neurocaas_ci.registry.folder import FolderTree


@dataclass(frozen=True, slots=True)
class Locked:
    """The built image, and which lock files changed."""

    built: Built
    changed: tuple[str, ...]


def lock_iae(root: Path, name: str, cache: Cache, say: Say, *, upgrade: bool = False) -> Locked:
    """Lock what is not locked yet, build, and write iae.lock; nothing changes when nothing did.

    `root` is the folder that holds `iae/`. The locks of packages are kept as long as they answer
    iae.yaml and requirements.in; `upgrade` chooses all versions anew.
    """
    folder = root / "iae" / name
    if not folder.is_dir():
        raise UsageError(
            f"there is no IAE named {name!r}",
            where=str(folder),
            hint="go into the registry's folder, or make one: neurocaas init blueprint NAME",
        )
    iae = load_iae(FolderTree(root), name)
    work = _Work(root, iae, cache, say, upgrade)
    changed = [*work.lock_base(), *work.lock_requirements()]
    files = sources(FolderTree(root), name)
    built = build(Request(iae, files, cache, say))
    changed += work.put("iae.lock", format_iae_lock(built.lock))
    return Locked(built, tuple(changed))


@dataclass(frozen=True, slots=True)
class _Work:
    root: Path
    iae: Iae
    cache: Cache
    say: Say
    upgrade: bool

    def lock_base(self) -> list[str]:
        if self.iae.base_kind != "deb":
            return self.drop("base.lock")
        packages = sorted(self.iae.base["packages"])
        made_for = basis(packages=packages, platform=self.iae.platform)
        if self.is_current("base.lock", made_for):
            return []
        from neurocaas_ci.build.apt import lock_packages

        self.say(f"asking apt for {', '.join(packages)}")
        with self.cache.workspace() as workspace:
            debs = lock_packages(packages, architecture(self.iae)[0], workspace)
        return self.put("base.lock", format_base_lock(debs, made_for))

    def lock_requirements(self) -> list[str]:
        files = self.files()
        wanted = files.get("requirements.in")
        if wanted is None:
            return self.drop("requirements.lock")
        base = make_base(self.iae, files, self.cache, self.say, fresh=False)
        made_for = basis(
            requirements=sha256_bytes(wanted.content),
            python=self.iae.python,
            platform=self.iae.platform,
            glibc=base.glibc,
        )
        if self.is_current("requirements.lock", made_for):
            return []
        from neurocaas_ci.build.wheels import lock_wheels

        wheels = lock_wheels(wanted.content, target_of(self.iae, base), self.cache, self.say)
        return self.put("requirements.lock", format_requirements_lock(wheels, made_for))

    def files(self) -> dict[str, Source]:
        return {s.path: s for s in sources(FolderTree(self.root), self.iae.name)}

    def is_current(self, lock: str, made_for: str) -> bool:
        path = self.path(lock)
        return (
            not self.upgrade
            and path.exists()
            and basis_of(path.read_text(errors="replace")) == made_for
        )

    def put(self, lock: str, text: str) -> list[str]:
        path = self.path(lock)
        if path.exists() and path.read_bytes() == text.encode():
            return []
        write_atomic(path, text.encode())
        return [lock]

    def drop(self, lock: str) -> list[str]:
        """Remove a lock that belongs to nothing any more."""
        path = self.path(lock)
        if not path.exists():
            return []
        path.unlink()
        return [lock]

    def path(self, lock: str) -> Path:
        return self.root / "iae" / self.iae.name / lock
