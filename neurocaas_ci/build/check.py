"""Rebuild an image from nothing and say what, if anything, is not as iae.lock has it."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from neurocaas_ci.build.builder import Built, Request, build
from neurocaas_ci.build.cache import Cache
from neurocaas_ci.build.documents import Image, StoredLayer, read_image, read_manifest
from neurocaas_ci.build.recipe import recipe_of
from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.registry import IaeLock


@dataclass(frozen=True, slots=True)
class Checked:
    """What the rebuild gave, and every difference from the lock; none means proven."""

    built: Built
    differences: tuple[str, ...]


def check(request: Request, lock: IaeLock) -> Checked:
    """Rebuild in an empty cache (only downloads are shared, and they are checked by digest).

    The locked image, when the cache has it, is compared layer by layer and member by member.
    """
    cache = request.cache
    if recipe_of(request.files) != lock.recipe:
        raise BuildError(
            f"the sources have recipe {recipe_of(request.files)[:16]}…, the lock pins "
            f"{lock.recipe[:16]}…",
            where=f"iae/{request.iae.name}/iae.lock",
            hint=f"the sources changed since it was written: neurocaas iae lock {request.iae.name}",
        )
    with cache.workspace() as workspace:
        empty = Cache(workspace / "rebuild", downloads=cache.downloads)
        built = build(replace(request, cache=empty, fresh=True))
        if built.lock == lock:
            return Checked(built, ())
        differences = [
            f"{name}: locked {_short(locked)}, rebuilt {_short(rebuilt)}"
            for name, locked, rebuilt in (
                ("image", lock.image, built.lock.image),
                ("config", lock.config, built.lock.config),
                ("reproducible", lock.reproducible, built.lock.reproducible),
            )
            if locked != rebuilt
        ]
        locked_image = _stored(cache, lock)
        if locked_image is None:
            differences.append("the locked image is not in the cache, so its layers are unknown")
        else:
            differences += _compare(cache, locked_image, empty, built.image)
        return Checked(built, tuple(differences))


def _short(value: object) -> str:
    return f"{value[:16]}…" if isinstance(value, str) else str(value)


def _stored(cache: Cache, lock: IaeLock) -> Image | None:
    manifest = cache.read_blob(lock.image)
    if manifest is None:
        return None
    config = cache.read_blob(read_manifest(manifest)[0].digest)
    return None if config is None else read_image(lock.image, manifest, config)


def _compare(old: Cache, locked: Image, new: Cache, rebuilt: Image) -> Iterator[str]:
    if locked.command != rebuilt.command:
        yield f"command: locked {list(locked.command)}, rebuilt {list(rebuilt.command)}"
    for key in sorted({*locked.environment, *rebuilt.environment}):
        before, after = locked.environment.get(key), rebuilt.environment.get(key)
        if before != after:
            yield f"environment {key}: locked {before!r}, rebuilt {after!r}"
    for before_layer, after_layer in zip_longest(locked.layers, rebuilt.layers):
        if before_layer is None or after_layer is None:
            layer = before_layer or after_layer
            yield f"layer {layer.title}: only {'locked' if before_layer else 'rebuilt'}"
        elif before_layer.diff_id != after_layer.diff_id:
            yield _first_difference(old, before_layer, new, after_layer)


def _first_difference(old: Cache, locked: StoredLayer, new: Cache, rebuilt: StoredLayer) -> str:
    head = f"layer {rebuilt.title}"
    if not old.intact(locked.blob):
        return f"{head}: the locked layer is missing or damaged in the cache"
    pairs = zip_longest(
        _members(old.blob_path(locked.blob.digest)), _members(new.blob_path(rebuilt.blob.digest))
    )
    for before, after in pairs:
        if before == after:
            continue
        if before is None or (after is not None and after[0] < before[0]):
            return f"{head}: {after[0]} is only in the rebuilt one"
        if after is None or before[0] < after[0]:
            return f"{head}: {before[0]} is only in the locked one"
        return f"{head}: {before[0]} differs first: locked {before[1]}, rebuilt {after[1]}"
    return f"{head}: same members in another form"


def _members(layer: Path) -> Iterator[tuple[str, str]]:
    """Yield (path, description) of every member."""
    with tarfile.open(layer) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            told = (
                hashlib.sha256(content.read()).hexdigest()[:16]
                if content is not None
                else member.linkname or "folder"
            )
            yield member.name, f"{oct(member.mode)} {told}"
