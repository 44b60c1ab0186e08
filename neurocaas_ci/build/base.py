"""The base of an image: what lies below the wheels and the code, from one of three kinds of source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from neurocaas_ci.build.cache import Blob, Cache
from neurocaas_ci.build.constants import BUILDER, EPOCH
from neurocaas_ci.build.documents import StoredLayer
from neurocaas_ci.build.locks import LockedDeb, parse_base_lock
from neurocaas_ci.build.recipe import Source
from neurocaas_ci.build.roots import ensure_root
from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.digest import Sha256, canonical_json, sha256_bytes
from neurocaas_ci.model.registry import Iae

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Base:
    """Layers, and how to find Python in them.

    `interpreter` is an absolute path, empty where there is no Python; `site` is where wheels go,
    relative to the root; `glibc` bounds the wheels that fit.
    """

    layers: tuple[StoredLayer, ...]
    interpreter: str
    site: str
    glibc: tuple[int, int]
    reproducible: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)


def make_base(
    iae: Iae, files: Mapping[str, Source], cache: Cache, say: Say, *, fresh: bool
) -> Base:
    """Return the base of an IAE, taken from the cache or made; `fresh` makes it in any case."""
    if iae.base_kind == "deb":
        return deb_base(base_lock(iae, files), iae.python, cache, say, fresh=fresh)
    if iae.base_kind == "host":
        from neurocaas_ci.build.host import host_base

        return host_base(iae, cache, say, fresh=fresh)
    from neurocaas_ci.build.oci import oci_base

    return oci_base(iae, cache, say)


def layer_key(kind: str, **parts: object) -> Sha256:
    """Return the key of a layer: the digest of everything that decides its bytes."""
    return sha256_bytes(canonical_json({"builder": BUILDER, "epoch": EPOCH, "kind": kind, **parts}))


def cached_layer(
    cache: Cache, key: Sha256, title: str, make: Callable[[], Blob], *, fresh: bool
) -> StoredLayer:
    """Return the layer of a key, from the cache or made by `make`, by one process at a time."""
    blob = None if fresh else cache.layer(key)
    if blob is None:
        with cache.lock(f"layer-{key[:16]}"):
            blob = None if fresh else cache.layer(key)
            if blob is None:
                blob = make()
                cache.remember_layer(key, blob)
    return StoredLayer(blob, blob.digest, title=title)


def layers_root(cache: Cache, layers: Sequence[StoredLayer]) -> Path:
    """Return an unpacked root of some layers; images that share them share it."""
    name = layer_key("root", layers=[[la.blob.digest, la.diff_id] for la in layers])
    return ensure_root(cache, name, layers)


def base_lock(iae: Iae, files: Mapping[str, Source]) -> tuple[LockedDeb, ...]:
    """Return the locked packages of a deb base; raise BuildError when there is no lock."""
    source = files.get("base.lock")
    if source is None:
        raise BuildError(
            "the base is not locked",
            where=f"iae/{iae.name}/base.lock",
            hint=f"write the lock: neurocaas iae lock {iae.name}",
        )
    return parse_base_lock(source.content, iae.name)


def deb_base(
    debs: tuple[LockedDeb, ...], python: str, cache: Cache, say: Say, *, fresh: bool
) -> Base:
    """Return a base of locked Debian packages with Python `python` (`3.11`)."""
    key = layer_key("deb", packages=[[deb.name, deb.sha256] for deb in debs])

    def make() -> Blob:
        from neurocaas_ci.build.debs import write_base_layer

        return write_base_layer(debs, cache, say)

    layer = cached_layer(cache, key, "base", make, fresh=fresh)
    return Base(
        (layer,),
        f"/usr/bin/python{python}",
        f"usr/local/lib/python{python}/dist-packages",
        debian_glibc(debs),
    )


def debian_glibc(debs: tuple[LockedDeb, ...]) -> tuple[int, int]:
    """Return (major, minor) of the C library among locked packages; raise BuildError without one."""
    for deb in debs:
        if deb.name == "libc6":
            major, _, rest = deb.version.partition(".")
            minor = rest[: len(rest) - len(rest.lstrip("0123456789"))]
            if major.isdigit() and minor:
                return int(major), int(minor)
    raise BuildError(
        "the base holds no C library (libc6)",
        where="base.lock",
        hint="add a package that needs it, such as python3.11, to base.packages",
    )
