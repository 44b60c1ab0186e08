"""Lock what an IAE builds from source: build.lock, build-requirements.lock and sources.lock."""

from __future__ import annotations

from neurocaas_ci.build.archives import pin_archive
from neurocaas_ci.build.constants import architecture
from neurocaas_ci.build.from_source import Tools, build_packages, build_wheel, make_tools
from neurocaas_ci.build.lock_folder import LockFolder
from neurocaas_ci.build.locks import (
    basis,
    format_base_lock,
    format_requirements_lock,
    parse_base_lock,
    parse_requirements_lock,
)
from neurocaas_ci.build.source_locks import (
    DEBS,
    NAME,
    WHEELS,
    LockedSource,
    PinnedSource,
    format_sources_lock,
)
from neurocaas_ci.build.target import WheelTarget
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.registry import Sources


def lock_sources(folder: LockFolder) -> list[str]:
    """Write the three locks where they are missing or out of date; return which changed.

    The sources are fetched and built, because the wheels that they give are locked as well.
    """
    sources = folder.iae.sources
    if sources is None:
        return [*folder.drop(DEBS), *folder.drop(WHEELS), *folder.drop(NAME)]
    _refuse_twice(folder, sources)
    changed = [*_lock_debs(folder), *_lock_tools(folder, sources)]
    return [*changed, *_lock_wheels(folder, sources)]


def _refuse_twice(folder: LockFolder, sources: Sources) -> None:
    names = [package.name for package in sources.packages]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"sources.packages names {name!r} twice",
                where=f"iae/{folder.iae.name}/iae.yaml",
                hint="remove one of the two",
            )


def _lock_debs(folder: LockFolder) -> list[str]:
    packages = build_packages(folder.iae)
    made_for = basis(packages=packages, platform=folder.iae.platform)
    if folder.is_current(DEBS, made_for):
        return []
    from neurocaas_ci.build.apt import lock_packages

    folder.say(f"asking apt for {', '.join(packages)}")
    debs = lock_packages(packages, architecture(folder.iae)[0], folder.apt)
    return folder.put(DEBS, format_base_lock(debs, made_for))


def _lock_tools(folder: LockFolder, sources: Sources) -> list[str]:
    from neurocaas_ci.build.base import debian_glibc
    from neurocaas_ci.build.wheels import lock_wheels

    iae = folder.iae
    glibc = debian_glibc(parse_base_lock(folder.content(DEBS), iae.name, DEBS))
    made_for = basis(
        requirements=sources.requirements, python=iae.python, platform=iae.platform, glibc=glibc
    )
    if folder.is_current(WHEELS, made_for):
        return []
    target = WheelTarget(iae.python, architecture(iae)[1], glibc)
    wanted = "".join(f"{requirement}\n" for requirement in sources.requirements).encode()
    wheels = lock_wheels(wanted, target, folder.cache, folder.say)
    return folder.put(WHEELS, format_requirements_lock(wheels, made_for))


def _lock_wheels(folder: LockFolder, sources: Sources) -> list[str]:
    iae = folder.iae
    debs = parse_base_lock(folder.content(DEBS), iae.name, DEBS)
    wheels = parse_requirements_lock(folder.content(WHEELS), iae.name, WHEELS)
    made_for = basis(
        packages=sources.packages,
        debs=[[deb.name, deb.sha256] for deb in debs],
        wheels=[[wheel.name, wheel.sha256] for wheel in wheels],
    )
    if folder.is_current(NAME, made_for):
        return []
    # What cannot be had is known before the tools are unpacked, which takes longer.
    pins = [pin_archive(package, folder.cache, folder.say) for package in sources.packages]
    tools = make_tools(iae, debs, wheels, folder.cache, folder.say, fresh=False)
    locked = [_locked(folder, tools, pin) for pin in pins]
    return folder.put(NAME, format_sources_lock(locked, made_for))


def _locked(folder: LockFolder, tools: Tools, pin: PinnedSource) -> LockedSource:
    archive = folder.cache.download_path("sources", pin.sha256)
    made = build_wheel(pin, archive, tools, folder.cache, folder.say, fresh=folder.upgrade)
    return LockedSource(pin, made.files)
