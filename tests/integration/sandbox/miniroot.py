"""A small root for sandboxes: the system's Python with its libraries, copied once per session."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

_MOUNT_POINTS = ("proc", "sys", "dev", "tmp", "inputs", "outputs", "etc", "iae")
_SKIP = shutil.ignore_patterns(
    "test", "tests", "__pycache__", "idlelib", "lib2to3", "ensurepip", "config-*", "pydoc_data"
)


def system_python() -> str | None:
    """Return a Python outside of any virtual environment and home folder."""
    for name in ("python3.11", "python3.12", "python3.13", "python3"):
        path = f"/usr/bin/{name}"
        if os.path.exists(path):
            return os.path.realpath(path)
    return None


def build(target: Path) -> str:
    """Fill `target` and return the path of Python inside it."""
    python = system_python()
    assert python is not None
    for name in _MOUNT_POINTS:
        (target / name).mkdir(parents=True)
    (target / "etc" / "passwd").write_text("nobody:x:65534:65534::/tmp:/bin/sh\n")
    (target / "etc" / "group").write_text("nogroup:x:65534:\n")
    stdlib = subprocess.run(
        [python, "-I", "-c", "import os; print(os.path.dirname(os.__file__))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    shutil.copytree(stdlib, f"{target}{stdlib}", ignore=_SKIP, symlinks=False, dirs_exist_ok=True)
    binaries = [Path(python), Path("/bin/sh")]
    extensions = list(Path(f"{target}{stdlib}").rglob("*.so"))
    for binary in binaries:
        _copy(binary, target)
    for library in _libraries([*binaries, *extensions]):
        _copy(library, target)
    subprocess.run([python, "-m", "compileall", "-q", f"{target}{stdlib}"], check=False)
    return python


def _libraries(files: list[Path]) -> set[Path]:
    listing = subprocess.run(["ldd", *files], capture_output=True, text=True, check=False).stdout
    return {Path(word) for word in re.findall(r"(/\S+) \(0x", listing)}


def _copy(path: Path, target: Path) -> None:
    # Under the name by which it is looked up, whatever links the host has there.
    inside = Path(f"{target}{path}")
    inside.parent.mkdir(parents=True, exist_ok=True)
    if not inside.exists():
        shutil.copy(path.resolve(), inside)
