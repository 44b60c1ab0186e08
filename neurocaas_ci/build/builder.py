"""Sources of one IAE to one image: base, shared packages, wheels, bytecode, code, each by its own key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from neurocaas_ci.build.base import Base, Say, make_base
from neurocaas_ci.build.cache import Blob, Cache
from neurocaas_ci.build.constants import architecture
from neurocaas_ci.build.documents import (
    Image,
    StoredLayer,
    config_document,
    manifest_document,
    read_image,
)
from neurocaas_ci.build.environment import environment
from neurocaas_ci.build.layers import bytecode_layer, code_layer, shared_layer, wheels_layer
from neurocaas_ci.build.locks import LockedWheel, parse_requirements_lock
from neurocaas_ci.build.recipe import Source, recipe_of
from neurocaas_ci.build.source_wheels import SourceWheels
from neurocaas_ci.build.target import WheelTarget
from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.registry import Iae, IaeLock


@dataclass(frozen=True, slots=True)
class Built:
    """An image that lies in the cache, and the lock that pins it."""

    image: Image
    lock: IaeLock


@dataclass(frozen=True, slots=True)
class Request:
    """What to build: the IAE, its sources, and where; `fresh` takes no layer from the cache."""

    iae: Iae
    files: tuple[Source, ...]
    cache: Cache
    say: Say
    fresh: bool = False


def build(request: Request) -> Built:
    """Build an image, taking from the cache what is there and verified.

    Raise BuildError when the sources do not make an image, BackendUnavailableError when something
    outside (mirror, index, sandbox) is missing.
    """
    iae, cache = request.iae, request.cache
    files = {source.path: source for source in request.files}
    processor, _ = architecture(iae)
    _check_entrypoint(iae, files)
    built = SourceWheels(iae, files, cache, request.say, fresh=request.fresh)
    wheels = (*locked_wheels(iae, files), *built.wheels())
    variables = environment(iae, wheels)
    base = make_base(iae, files, cache, request.say, fresh=request.fresh)
    if wheels and not base.interpreter:
        raise BuildError(
            f"the base has no Python {iae.python}, which the wheels are for",
            where=f"iae/{iae.name}/iae.yaml",
            hint="choose a base with Python, or remove requirements.in and its lock",
        )
    say, fresh = request.say, request.fresh
    shared, own = _parted(iae, wheels)
    layers = list(base.layers)
    common: list[StoredLayer] = []
    if wheels:
        built.refuse_other(base.glibc, wheels)
        fetch = partial(built.fetch, target_of(iae, base))
        common = [shared_layer(base, one, fetch, cache, say, fresh=fresh) for one in shared]
        layers.append(wheels_layer(base, own, fetch, cache, say, shared=shared, fresh=fresh))
    if base.interpreter:
        # Shared layers bring their bytecode along, so that it is shared as well.
        layers.append(bytecode_layer(base, tuple(layers), cache, say, fresh=fresh))
    layers[len(base.layers) : len(base.layers)] = common
    code = [source for source in request.files if source.is_code]
    layers.append(code_layer(base, code, cache, fresh=request.fresh))
    config = cache.add_blob(
        config_document(layers, processor, iae.entrypoint, {**base.environment, **variables})
    )
    manifest = cache.add_blob(manifest_document(layers, config, iae.name))
    return Built(
        _read(cache, manifest, config),
        IaeLock(recipe_of(request.files), manifest.digest, config.digest, base.reproducible),
    )


def locked_wheels(iae: Iae, files: Mapping[str, Source]) -> tuple[LockedWheel, ...]:
    """Return the locked wheels; raise BuildError when requirements.in has no lock."""
    source = files.get("requirements.lock")
    if source is not None:
        return parse_requirements_lock(source.content, iae.name)
    if "requirements.in" in files:
        raise BuildError(
            "the Python packages are not locked",
            where=f"iae/{iae.name}/requirements.lock",
            hint=f"write the lock: neurocaas iae lock {iae.name}",
        )
    return ()


def _parted(
    iae: Iae, wheels: tuple[LockedWheel, ...]
) -> tuple[list[LockedWheel], list[LockedWheel]]:
    """Return the wheels that get a layer each, and the others; raise BuildError for an unknown one."""
    known = {wheel.name for wheel in wheels}
    for name in iae.shared_wheels:
        if name not in known:
            raise BuildError(
                f"shared_wheels names {name!r}, which is not locked",
                where=f"iae/{iae.name}/iae.yaml",
                hint=f"add it to requirements.in and lock, or remove it: neurocaas iae lock {iae.name}",
            )
    shared = [wheel for wheel in wheels if wheel.name in iae.shared_wheels]
    return shared, [wheel for wheel in wheels if wheel.name not in iae.shared_wheels]


def target_of(iae: Iae, base: Base) -> WheelTarget:
    """Return for what wheels are chosen."""
    return WheelTarget(iae.python, architecture(iae)[1], base.glibc)


def _read(cache: Cache, manifest: Blob, config: Blob) -> Image:
    documents = [cache.read_blob(blob.digest) for blob in (manifest, config)]
    if documents[0] is None or documents[1] is None:
        raise BuildError("the cache changed during the build", hint="build again")
    return read_image(manifest.digest, documents[0], documents[1])


def _check_entrypoint(iae: Iae, files: Mapping[str, Source]) -> None:
    for part in iae.entrypoint:
        path = part.removeprefix("/iae/")
        if path != part and not (path in files and files[path].is_code):
            raise BuildError(
                f"the entrypoint names {part}, which is not among the sources",
                where=f"iae/{iae.name}/iae.yaml",
                hint="workflow.* and src/ become /iae/workflow.* and /iae/src/",
            )
