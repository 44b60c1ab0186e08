"""`base: host`: the Python of the machine that builds, captured with every library it loads.

Honest about what it is: nobody else can rebuild it, so the lock says `reproducible: false`. It is
for machines that reach no Debian mirror.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from neurocaas_ci.build.base import Base, Say, cached_layer, layer_key
from neurocaas_ci.build.cache import Blob, Cache
from neurocaas_ci.build.constants import architecture
from neurocaas_ci.build.entries import Entry, file_entry, link_entry, with_parents
from neurocaas_ci.build.skeleton import skeleton
from neurocaas_ci.build.spool import Spool
from neurocaas_ci.build.tar import write_tar
from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.registry import Iae

_PREFIX = "opt/python"
_SKIPPED = {
    *("__pycache__", "test", "tests", "idlelib", "turtledemo", "lib2to3", "ensurepip", "tkinter"),
    *("site-packages", "dist-packages"),
}
# What manylinux wheels may expect from the system (PEP 599 and later), beyond the C library.
_FOR_WHEELS = ("libstdc++.so.6", "libgcc_s.so.1", "libgomp.so.1", "libz.so.1", "libexpat.so.1")
_PROBE = (
    "import json, sys, sysconfig; print(json.dumps([f'{sys.version_info[0]}.{sys.version_info[1]}',"
    " sys.executable, sysconfig.get_path('stdlib'), sys.version]))"
)
_MAPPED = re.compile(r"(/\S+) \(0x")


def host_base(iae: Iae, cache: Cache, say: Say, *, fresh: bool) -> Base:
    """Return the base captured from this machine.

    Raise BuildError when this machine has not the platform or the Python that iae.yaml names.
    """
    machine = os.uname().machine
    if architecture(iae)[1] != machine or sys.platform != "linux":
        raise BuildError(
            f"a host base for {iae.platform} cannot be captured on {sys.platform} {machine}",
            where=f"iae/{iae.name}/iae.yaml",
            hint="use a deb base, or build on such a machine",
        )
    executable, library, version = _find_python(iae)
    files = dict(_captured(iae.python, executable, library))
    # The files are not in the sources, so their state on this machine stands for them in the key.
    state = [
        [place, str(path), (status := path.stat()).st_size, status.st_mtime_ns]
        for place, path in sorted(files.items())
    ]
    key = layer_key("host", python=version, state=state)

    def make() -> Blob:
        say(f"capturing Python {iae.python} of this machine, {len(files)} files")
        with cache.workspace() as workspace, Spool(workspace) as spool:
            entries = with_parents(_entries(files, spool))
            return cache.write_blob(workspace, lambda write: write_tar(entries, spool.file, write))

    return Base(
        (cached_layer(cache, key, "base", make, fresh=fresh),),
        f"/{_PREFIX}/bin/python{iae.python}",
        f"{_PREFIX}/lib/python{iae.python}/site-packages",
        _glibc(),
        reproducible=False,
        environment={"LD_LIBRARY_PATH": f"/{_PREFIX}/lib"},
    )


def _find_python(iae: Iae) -> tuple[Path, Path, str]:
    """Return executable, standard library and full version of this machine's matching Python."""
    base = getattr(sys, "_base_executable", sys.executable)
    for candidate in (base, sys.executable, shutil.which(f"python{iae.python}")):
        if not candidate:
            continue
        done = subprocess.run(
            [candidate, "-I", "-S", "-c", _PROBE], capture_output=True, text=True, check=False
        )
        if done.returncode:
            continue
        series, executable, library, version = json.loads(done.stdout)
        if series == iae.python:
            return Path(executable).resolve(), Path(library), version
    raise BuildError(
        f"this machine has no Python {iae.python} to capture",
        where=f"iae/{iae.name}/iae.yaml",
        hint="install that version, or name the one that is here",
    )


def _captured(python: str, executable: Path, library: Path) -> Iterator[tuple[str, Path]]:
    """Yield (place in the root, file of this machine)."""
    yield f"{_PREFIX}/bin/python{python}", executable
    loading = [executable, *_system_libraries()]
    for folder, folders, names in os.walk(library):
        folders[:] = [n for n in folders if n not in _SKIPPED and not n.startswith("config-")]
        for name in names:
            path = Path(folder, name)
            if name.endswith((".pyc", ".a")) or not path.is_file():
                continue
            relative = path.relative_to(library).as_posix()
            yield f"{_PREFIX}/lib/python{python}/{relative}", path
            if name.endswith(".so"):
                loading.append(path)
    for path in sorted({*_loaded_by(loading), *_system_libraries()}):
        if path.name.startswith("ld-linux"):
            yield f"usr/{_loader_folder()}/{path.name}", path
        else:
            yield f"{_PREFIX}/lib/{path.name}", path


def _loaded_by(files: Iterable[Path]) -> set[Path]:
    """Return every shared library that the dynamic loader maps for these files."""
    done = subprocess.run(
        ["ldd", *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    if "not found" in done.stdout:
        line = next(line for line in done.stdout.splitlines() if "not found" in line)
        raise BuildError(f"a library of this machine's Python is missing: {line.strip()}")
    return {Path(found) for found in _MAPPED.findall(done.stdout)}


def _system_libraries() -> list[Path]:
    machine = os.uname().machine
    folders = [
        f"/usr/lib/{machine}-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        f"/lib/{machine}-linux-gnu",
    ]
    found = []
    for name in _FOR_WHEELS:
        places = (Path(folder, name) for folder in folders)
        if place := next((p for p in places if p.exists()), None):
            found.append(place)
    return found


def _loader_folder() -> str:
    # The loader's path is fixed by the processor's ABI and compiled into every program.
    return "lib64" if os.uname().machine == "x86_64" else "lib"


def _entries(files: dict[str, Path], spool: Spool) -> dict[str, Entry]:
    entries = {}
    for place, path in files.items():
        with path.open("rb") as stream:
            entries[place] = file_entry(spool.add(stream), executable=os.access(path, os.X_OK))
    folder = _loader_folder()
    return entries | skeleton() | {folder: link_entry(f"usr/{folder}")}


def _glibc() -> tuple[int, int]:
    name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    major, _, minor = version.partition(".")
    if name != "glibc" or not (major.isdigit() and minor.isdigit()):
        raise BuildError(
            "this machine's C library is not glibc, so its Python cannot run wheels",
            where="base: host",
            hint="use a deb base",
        )
    return int(major), int(minor)
