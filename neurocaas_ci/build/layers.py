"""Write the layers above the base: shared packages, wheels, compiled bytecode, code."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from neurocaas_ci.build.base import Base, Say, cached_layer, layer_key, layers_root
from neurocaas_ci.build.cache import Blob, Cache
from neurocaas_ci.build.documents import StoredLayer
from neurocaas_ci.build.entries import (
    Entry,
    Slice,
    clean_path,
    file_entry,
    with_parents,
)
from neurocaas_ci.build.locks import LockedWheel
from neurocaas_ci.build.recipe import Source
from neurocaas_ci.build.skeleton import mount_points
from neurocaas_ci.build.spool import Spool
from neurocaas_ci.build.tar import write_tar
from neurocaas_ci.model.digest import sha256_bytes

Fetch = Callable[[Sequence[LockedWheel]], list[tuple[str, Path]]]
"""How locked wheels become (name, file): from an index, from the cache, or from source."""

# Where Python keeps modules, whatever the prefix: only these are worth compiling.
_LIBRARY = re.compile(r"(?:.*/)?lib/python3[^/]*/.+\.py")


def wheels_layer(
    base: Base,
    wheels: Sequence[LockedWheel],
    fetch: Fetch,
    cache: Cache,
    say: Say,
    *,
    shared: Sequence[LockedWheel] = (),
    fresh: bool,
) -> StoredLayer:
    """Return the layer of installed packages; `shared` ones lie in layers below it."""
    parts: dict[str, object] = {
        "site": base.site,
        "interpreter": base.interpreter,
        "wheels": sorted([w.name, w.sha256] for w in wheels),
    }
    if shared:
        parts["beside"] = sorted([w.name, w.sha256] for w in shared)
    key = layer_key("wheels", **parts)

    def make() -> Blob:
        from neurocaas_ci.build.wheel import refuse_clashes, wheel_entries

        files = fetch(wheels)
        if shared:
            refuse_clashes([*fetch(shared), *files], base.site)
        say(f"unpacking {len(files)} wheels")
        return _write(
            cache, lambda _, spool: wheel_entries(files, base.site, base.interpreter, spool)
        )

    return cached_layer(cache, key, "wheels", make, fresh=fresh)


def shared_layer(
    base: Base, wheel: LockedWheel, fetch: Fetch, cache: Cache, say: Say, *, fresh: bool
) -> StoredLayer:
    """Return the layer of one package and its compiled modules, the same in every image with it.

    Its bytes follow from the wheel and the IAE's Python alone, so it is stored and sent once.
    """
    from neurocaas_ci.build import bytecode

    key = layer_key(
        "shared",
        script=sha256_bytes(bytecode.script()),
        site=base.site,
        interpreter=base.interpreter,
        base=[layer.diff_id for layer in base.layers],
        wheel=[wheel.name, wheel.sha256],
    )

    def make() -> Blob:
        from neurocaas_ci.build.wheel import wheel_entries

        files = fetch([wheel])
        say(f"unpacking and compiling {wheel.name}")
        root = layers_root(cache, base.layers)
        python = bytecode.Interpreter(root, base.interpreter, base.environment)

        def entries(workspace: Path, spool: Spool) -> dict[str, Entry]:
            found = wheel_entries(files, base.site, base.interpreter, spool)
            modules = [
                (path, entry.content)
                for path, entry in sorted(found.items(), key=lambda item: item[0].encode())
                if isinstance(entry.content, Slice) and _LIBRARY.fullmatch(path)
            ]
            sources = ((path, spool.read(content)) for path, content in modules)
            for path, data in bytecode.compiled(python, sources, workspace):
                found[path] = file_entry(spool.add_bytes(data))
            return found

        return _write(cache, entries)

    return cached_layer(cache, key, wheel.name, make, fresh=fresh)


def bytecode_layer(
    base: Base, below: tuple[StoredLayer, ...], cache: Cache, say: Say, *, fresh: bool
) -> StoredLayer:
    """Return the layer of compiled modules of everything below, made by the IAE's own Python.

    Without it a read-only root makes every run compile every module that it imports.
    """
    from neurocaas_ci.build import bytecode

    key = layer_key(
        "bytecode",
        script=sha256_bytes(bytecode.script()),
        interpreter=base.interpreter,
        below=[layer.diff_id for layer in below],
    )

    def make() -> Blob:
        say("compiling Python modules")
        root = layers_root(cache, base.layers)
        python = bytecode.Interpreter(root, base.interpreter, base.environment)
        own = [cache.blob_path(layer.blob.digest) for layer in below[len(base.layers) :]]
        modules = chain(_modules(root), *(_packed_modules(path) for path in own))

        def compiled(workspace: Path, spool: Spool) -> dict[str, Entry]:
            found = bytecode.compiled(python, modules, workspace)
            return {path: file_entry(spool.add_bytes(data)) for path, data in found}

        return _write(cache, compiled)

    return cached_layer(cache, key, "bytecode", make, fresh=fresh)


def code_layer(base: Base, code: Sequence[Source], cache: Cache, *, fresh: bool) -> StoredLayer:
    """Return the layer of the IAE's own files below /iae, and the mount points."""
    modules = [
        (f"iae/{source.path}", source.content)
        for source in code
        if source.path.startswith("src/") and source.path.endswith(".py") and base.interpreter
    ]
    key = layer_key(
        "code",
        files=[[s.path, s.executable, sha256_bytes(s.content)] for s in code],
        base=[layer.diff_id for layer in base.layers] if modules else [],
    )

    def entries(workspace: Path, spool: Spool) -> dict[str, Entry]:
        found = mount_points()
        for source in code:
            place = clean_path(f"iae/{source.path}", "sources")
            found[place] = file_entry(source.content, executable=source.executable)
        if modules:
            from neurocaas_ci.build import bytecode

            root = layers_root(cache, base.layers)
            python = bytecode.Interpreter(root, base.interpreter, base.environment)
            for path, data in bytecode.compiled(python, modules, workspace):
                found[path] = file_entry(spool.add_bytes(data))
        return found

    return cached_layer(cache, key, "code", lambda: _write(cache, entries), fresh=fresh)


def _modules(root: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every module that has no bytecode yet, sorted by path."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != "__pycache__"]
        relative = os.path.relpath(folder, root)
        for name in names:
            path = f"{relative}/{name}"
            place = Path(folder, name)
            if _LIBRARY.fullmatch(path) and not place.is_symlink() and not _is_compiled(place):
                found.append(path)
    for path in sorted(found, key=str.encode):
        yield path, (root / path).read_bytes()


def _packed_modules(layer: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every module of a layer that we wrote; reading it there saves unpacking it."""
    import tarfile

    with tarfile.open(layer, mode="r:") as archive:
        for member in archive:
            if _LIBRARY.fullmatch(member.name) and (content := archive.extractfile(member)):
                yield member.name, content.read()


def _is_compiled(place: Path) -> bool:
    return any(place.parent.glob(f"__pycache__/{place.stem}.*.pyc"))


def _write(cache: Cache, make: Callable[[Path, Spool], Mapping[str, Entry]]) -> Blob:
    with cache.workspace() as workspace, Spool(workspace) as spool:
        entries = with_parents(make(workspace, spool))
        return cache.write_blob(workspace, lambda write: write_tar(entries, spool.file, write))
