"""Turn one pinned source into a wheel, with pinned tools, once for each content.

A wheel is found by the digest of what decides its bytes: the archive, the packages of the build root,
and the program that calls the backend.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from neurocaas_ci.build.base import Base, Say, deb_base, layer_key, layers_root
from neurocaas_ci.build.built_wheel import (
    Expected,
    read_canonical,
    write_canonical,
)
from neurocaas_ci.build.cache import Cache, disk_errors
from neurocaas_ci.build.confined import Bounds, run_confined
from neurocaas_ci.build.constants import architecture
from neurocaas_ci.build.documents import StoredLayer
from neurocaas_ci.build.environment import REPRODUCIBLE
from neurocaas_ci.build.locks import (
    LockedDeb,
    LockedWheel,
)
from neurocaas_ci.build.source_locks import (
    PinnedSource,
    WheelFile,
)
from neurocaas_ci.build.target import WheelTarget
from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.digest import sha256_bytes
from neurocaas_ci.model.registry import Iae
from neurocaas_ci.named import NamedTuple

_FRAME = struct.Struct(">IQ")
BOUNDS = Bounds()
"""What the build of one package may use on a machine that builds."""


class Tools(NamedTuple):
    """The build root: its base, all its layers, and for which processor it builds."""

    base: Base
    layers: tuple[StoredLayer, ...]
    python: str
    machine: str


class BuiltWheel(NamedTuple):
    """A canonical wheel and its files."""

    path: Path
    files: tuple[WheelFile, ...]


def build_packages(iae: Iae) -> list[str]:
    """Return the names of the Debian packages of the build root: those of the base, and the tools."""
    base = iae.base["packages"] if iae.base_kind == "deb" else ()
    return sorted({*base, *(iae.sources.debian if iae.sources else ())})


def make_tools(
    iae: Iae,
    debs: tuple[LockedDeb, ...],
    wheels: Sequence[LockedWheel],
    cache: Cache,
    say: Say,
    *,
    fresh: bool,
) -> Tools:
    """Return the build root of locked packages, made where the cache does not have it."""
    from neurocaas_ci.build.layers import wheels_layer
    from neurocaas_ci.build.wheels import fetch_wheels

    machine = architecture(iae)[1]
    base = deb_base(debs, iae.python, cache, say, fresh=fresh)
    target = WheelTarget(iae.python, machine, base.glibc)

    def fetch(wanted: Sequence[LockedWheel]) -> list[tuple[str, Path]]:
        return fetch_wheels(wanted, target, cache, say)

    layer = wheels_layer(base, wheels, fetch, cache, say, fresh=fresh)
    return Tools(base, (*base.layers, layer), iae.python, machine)


def build_wheel(
    pin: PinnedSource,
    archive: Path,
    tools: Tools,
    cache: Cache,
    say: Say,
    *,
    fresh: bool,
    bounds: Bounds = BOUNDS,
) -> BuiltWheel:
    """Return the wheel of a source, from the cache or built in the sandbox.

    Raise BuildError, with the end of the log, when the build fails or gives no sound wheel of this
    package; SandboxUnavailableError when this machine cannot confine it.
    """
    variables = {**tools.base.environment, **REPRODUCIBLE}
    if pin.is_git:
        # What asks git for its version cannot do so of an archive.
        variables["SETUPTOOLS_SCM_PRETEND_VERSION"] = variables["PBR_VERSION"] = pin.version
    key = layer_key(
        "source",
        script=sha256_bytes(_script()),
        source=[pin.name, pin.version, pin.sha256, _form(pin)],
        root=[layer.diff_id for layer in tools.layers],
        environment=sorted(variables.items()),
    )
    path = cache.root / "built" / f"{key}.whl"
    name = f"{pin.name}=={pin.version}"
    with cache.lock(f"source-{key[:16]}"):
        files = None if fresh else read_canonical(name, path)
        if files is None:
            say(f"building {name} from source")
            with disk_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            with cache.workspace() as workspace:
                title, wheel = _run(pin, archive, tools, cache, variables, workspace, bounds)
                expected = Expected(pin.name, pin.version, tools.python, tools.machine)
                made = workspace / "canonical.whl"
                files = write_canonical(title, wheel, made, expected)
                made.replace(path)
    return BuiltWheel(path, files)


def _run(
    pin: PinnedSource,
    archive: Path,
    tools: Tools,
    cache: Cache,
    variables: Mapping[str, str],
    workspace: Path,
    bounds: Bounds,
) -> tuple[str, Path]:
    """Call the backend in the sandbox; return name and place of the one file that it left."""
    code = _script().decode()
    limits = (bounds.processes, bounds.memory, bounds.tmp)
    command = [
        *(tools.base.interpreter, "-s", "-c", code, _form(pin)),
        *(str(limit) for limit in limits),
        code,
    ]
    where = f"{pin.name}=={pin.version}"
    with archive.open("rb") as source, (workspace / "answer").open("w+b") as answer:
        root = layers_root(cache, tools.layers)
        ended = run_confined(root, command, variables, (source, answer), bounds)
        if ended.stopped or ended.code:
            what = ended.stopped and f"the build was stopped: {ended.stopped}"
            raise BuildError(
                f"{what or 'the build failed'}; its log ends with:\n{_indented(ended.log)}",
                where=where,
                hint="add what it misses to sources.debian or sources.requirements of iae.yaml",
            )
        answer.seek(0)
        left = list(_frames(answer, workspace))
    if len(left) != 1:
        names = ", ".join(name for name, _ in left) or "none"
        raise BuildError(
            f"the build left {len(left)} files, not one wheel ({names}); its log ends with:\n"
            f"{_indented(ended.log)}",
            where=where,
            hint="its backend has to write the one wheel of build_wheel (PEP 517) and nothing beside it",
        )
    return left[0]


def _frames(answer: BinaryIO, workspace: Path) -> list[tuple[str, Path]]:
    found: list[tuple[str, Path]] = []
    while header := answer.read(_FRAME.size):
        if len(header) < _FRAME.size:
            break
        name_size, size = _FRAME.unpack(header)
        name = answer.read(name_size).decode("utf-8", "backslashreplace")
        path = workspace / f"left-{len(found)}"
        with path.open("wb") as out:
            while size and (data := answer.read(min(size, 1 << 20))):
                size -= out.write(data)
        found.append((ascii(name)[1:-1][:200], path))
    return found


def _form(pin: PinnedSource) -> str:
    return "zip" if pin.origin.endswith(".zip") and not pin.is_git else "tar"


def _indented(log: str) -> str:
    return "\n".join(f"    {line}" for line in log.split("\n")) if log else "    (it said nothing)"


def _script() -> bytes:
    return Path(__file__).with_name("_build_inside.py").read_bytes()
