"""Write the lock files of an IAE in a working folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neurocaas_ci.build.base import Say, make_base
from neurocaas_ci.build.builder import Built, Request, build, target_of
from neurocaas_ci.build.cache import Cache
from neurocaas_ci.build.constants import architecture
from neurocaas_ci.build.lock_folder import LockFolder
from neurocaas_ci.build.lock_sources import lock_sources
from neurocaas_ci.build.locks import (
    basis,
    format_base_lock,
    format_iae_lock,
    format_requirements_lock,
)
from neurocaas_ci.build.recipe import sources
from neurocaas_ci.build.source import load_iae
from neurocaas_ci.build.source_wheels import SourceWheels
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.digest import sha256_bytes
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
    if not (root / "iae" / name).is_dir():
        raise UsageError(
            f"there is no IAE named {name!r}",
            where=str(root / "iae" / name),
            hint="go into the registry's folder, or make one: neurocaas init blueprint NAME",
        )
    iae = load_iae(FolderTree(root), name)
    with cache.workspace() as apt:
        folder = LockFolder(root, iae, cache, say, upgrade, apt)
        changed = [*_lock_base(folder), *lock_sources(folder), *_lock_requirements(folder)]
    files = sources(FolderTree(root), name)
    built = build(Request(iae, files, cache, say))
    changed += folder.put("iae.lock", format_iae_lock(built.lock))
    return Locked(built, tuple(changed))


def _lock_base(folder: LockFolder) -> list[str]:
    iae = folder.iae
    if iae.base_kind != "deb":
        return folder.drop("base.lock")
    packages = sorted(iae.base["packages"])
    made_for = basis(packages=packages, platform=iae.platform)
    if folder.is_current("base.lock", made_for):
        return []
    from neurocaas_ci.build.apt import lock_packages

    folder.say(f"asking apt for {', '.join(packages)}")
    debs = lock_packages(packages, architecture(iae)[0], folder.apt)
    return folder.put("base.lock", format_base_lock(debs, made_for))


def _lock_requirements(folder: LockFolder) -> list[str]:
    iae, files = folder.iae, folder.files()
    wanted = files.get("requirements.in")
    if wanted is None and iae.sources is None:
        return folder.drop("requirements.lock")
    base = make_base(iae, files, folder.cache, folder.say, fresh=False)
    requirements = b"" if wanted is None else wanted.content
    # What is built from source needs packages too; the wheels say which.
    built = SourceWheels(iae, files, folder.cache, folder.say, fresh=False)
    made_for = basis(
        requirements=sha256_bytes(requirements),
        python=iae.python,
        platform=iae.platform,
        glibc=base.glibc,
        **({"sources": [[w.name, w.sha256] for w in built.wheels()]} if iae.sources else {}),
    )
    if folder.is_current("requirements.lock", made_for):
        return []
    from neurocaas_ci.build.wheels import lock_wheels

    target = target_of(iae, base)
    paths = built.fetch(target, built.wheels()) if iae.sources else []
    own = [(w.name, w.version, path) for w, (_, path) in zip(built.wheels(), paths, strict=True)]
    wheels = lock_wheels(requirements, target, folder.cache, folder.say, own)
    return folder.put("requirements.lock", format_requirements_lock(wheels, made_for))
