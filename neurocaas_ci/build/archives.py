"""Source archives: pinned when an environment is locked, and fetched again by their digest."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from neurocaas_ci.build.base import Say
from neurocaas_ci.build.cache import Cache, disk_errors
from neurocaas_ci.build.download import intact
from neurocaas_ci.build.source_locks import PinnedSource
from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.registry import SourcePackage


def pin_archive(source: SourcePackage, cache: Cache, say: Say) -> PinnedSource:
    """Fetch what iae.yaml names and return what it is; it is in the download cache then."""
    say(f"fetching the source of {source.name}=={source.version}")
    with cache.workspace() as workspace:
        part = workspace / "archive"
        if source.git:
            digest, size = _from_git(source, workspace, part)
            origin = source.commit
        else:
            digest, size, origin = _from_index(source, part)
        _keep(cache, part, digest)
    return PinnedSource(source.name, source.version, digest, size, origin)


def fetch_archive(source: SourcePackage, pin: PinnedSource, cache: Cache, say: Say) -> Path:
    """Return the pinned archive, from the download cache or fetched again.

    Raise BuildError when what is there now is another one, BackendUnavailableError when the index or
    the repository cannot be reached.
    """
    path = cache.download_path("sources", pin.sha256)
    if intact(path, pin.sha256):
        return path
    found = pin_archive(source, cache, say)
    if found.sha256 != pin.sha256:
        raise BuildError(
            f"its source is another one than is locked: {found.sha256[:16]}… instead of "
            f"{pin.sha256[:16]}…",
            where=f"{pin.name}=={pin.version}",
            hint="the index or a proxy serves another file; lock again with --upgrade if that is meant",
        )
    return path


def _from_git(source: SourcePackage, workspace: Path, target: Path) -> tuple[Sha256, int]:
    from neurocaas_ci.build.git_source import write_archive

    hasher, size = hashlib.sha256(), 0
    with disk_errors(target), target.open("wb") as out:

        def write(data: bytes) -> None:
            nonlocal size
            hasher.update(data)
            size += out.write(data)

        write_archive(source, workspace, write)
    return Sha256(hasher.hexdigest()), size


def _from_index(source: SourcePackage, target: Path) -> tuple[Sha256, int, str]:
    from neurocaas_ci.build.indexes import fetch, find_sdist

    found = find_sdist(source.name, source.version)
    with disk_errors(target):
        digest, size = fetch(found.address, target)
    if found.sha256 not in (None, digest):
        raise BuildError(
            "the index served another file than it lists",
            where=found.file,
            hint="a proxy is damaged, or the download was cut off: try again",
        )
    return digest, size, found.file


def _keep(cache: Cache, part: Path, digest: Sha256) -> None:
    target = cache.download_path("sources", digest)
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        part.chmod(0o644)
        # The workspace may lie on another file system than a shared folder of downloads.
        temporary = target.with_name(f".{digest}.{part.parent.name}")
        try:
            shutil.copyfile(part, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
