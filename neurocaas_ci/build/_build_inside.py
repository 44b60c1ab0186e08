"""Build one wheel from one source archive; run by the build root's Python, standard library only.

stdin is the archive; stdout gets frames of (name length, data length) as two big-endian 32- and 64-bit
numbers, name, data: one for each file that the backend left in its output folder. The backend itself
(PEP 517) runs in a child process that has neither of the two, and whose output goes to the log.
"""

import importlib
import os
import sys
from types import ModuleType

# What only the parent needs is imported there: the modules of the root have no bytecode.

_HOME = "/tmp/build"  # noqa: S108 - the private /tmp of the sandbox; the path is part of debug information
_OUT = "/tmp/wheel"  # noqa: S108 - the same
_BIN = "/tmp/bin"  # noqa: S108 - the same
_MOST_FILES = 8


def _main(form: str, processes: str, memory: str, file_size: str, code: str) -> int:
    import resource
    import subprocess

    for kind, value in (
        (resource.RLIMIT_NPROC, int(processes)),
        (resource.RLIMIT_AS, int(memory)),
        (resource.RLIMIT_FSIZE, int(file_size)),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))
    os.umask(0o022)
    for folder in (_HOME, _OUT, _BIN):
        os.mkdir(folder)
    try:
        source = _unpack(form)
    except Exception as error:  # noqa: BLE001 - what the archive modules raise has no common root
        sys.stderr.write(f"the source archive cannot be unpacked: {error}\n")
        return 1
    _make_scripts()
    # -P came with Python 3.11; the child removes the current folder from its path by itself.
    child = subprocess.run(
        [sys.executable, "-s", "-c", code, "hook"],
        cwd=source,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
        env={**os.environ, "PATH": f"{_BIN}:{os.environ['PATH']}"},
        check=False,
    )
    if child.returncode:
        sys.stderr.write(f"the build backend ended with status {child.returncode}\n")
        return 1
    _answer()
    return 0


def _unpack(form: str) -> str:
    """Unpack the archive and return the folder to build in: the only one at the top, or the top."""
    if form == "zip":
        import shutil
        import zipfile

        path = "/tmp/source.zip"  # noqa: S108 - private
        with open(path, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        with zipfile.ZipFile(path) as packed:
            packed.extractall(_HOME)
        os.unlink(path)
    else:
        import tarfile

        with tarfile.open(fileobj=sys.stdin.buffer, mode="r|*") as archive:
            for member in archive:
                # Owners cannot be set here, and modes must not lock us out of our own folders.
                member.uid = member.gid = os.getuid()
                member.uname = member.gname = ""
                member.mode = 0o755 if member.isdir() or member.mode & 0o111 else 0o644
                if not (member.isdir() or member.isreg() or member.issym() or member.islnk()):
                    raise ValueError(f"member {member.name!r} is a device or a pipe")
                archive.extract(member, _HOME)
    names = os.listdir(_HOME)
    one = os.path.join(_HOME, names[0]) if len(names) == 1 else _HOME
    return one if os.path.isdir(one) else _HOME


def _make_scripts() -> None:
    """Write what an installer would write for console scripts: tools call each other by name."""
    for name, (module, attribute) in sorted(_scripts().items()):
        with open(f"{_BIN}/{name}", "w", encoding="utf-8") as file:
            file.write(
                f"#!{sys.executable} -s\nimport sys\nfrom {module} import {attribute.partition('.')[0]}\n"
                f"sys.exit({attribute}())\n"
            )
        os.chmod(f"{_BIN}/{name}", 0o755)  # noqa: S103 - a program


def _scripts() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for folder in filter(os.path.isdir, sys.path):
        for entry in sorted(os.listdir(folder)):
            path = os.path.join(folder, entry, "entry_points.txt")
            if not entry.endswith(".dist-info") or not os.path.exists(path):
                continue
            section = ""
            with open(path, encoding="utf-8") as file:
                for line in map(str.strip, file):
                    name, equals, value = line.partition("=")
                    module, _, attribute = value.partition("[")[0].partition(":")
                    if line.startswith("["):
                        section = line
                    elif section == "[console_scripts]" and equals and "/" not in name:
                        found.setdefault(name.strip(), (module.strip(), attribute.strip()))
    return found


def _hook() -> None:
    """Call the backend's build_wheel as PEP 517 says."""
    sys.path[:] = [entry for entry in sys.path if entry]
    backend = _backend()
    name = backend.build_wheel(_OUT, {})
    sys.stdout.write(f"built {name}\n")


def _backend() -> ModuleType:
    if not os.path.exists("pyproject.toml"):
        return _load("setuptools.build_meta:__legacy__", [])
    # Before Python 3.11 the parser is a package of its own.
    parser = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    with open("pyproject.toml", "rb") as file:
        system = parser.load(file).get("build-system", {})
    name = system.get("build-backend", "setuptools.build_meta:__legacy__")
    return _load(name, system.get("backend-path", []))


def _load(name: str, folders: list[str]) -> ModuleType:
    sys.path[:0] = [os.path.abspath(folder) for folder in folders]
    module, _, attributes = name.partition(":")
    found = importlib.import_module(module)
    for attribute in filter(None, attributes.split(".")):
        found = getattr(found, attribute)
    return found


def _answer() -> None:
    import shutil
    import stat

    out = sys.stdout.buffer
    for name in sorted(os.listdir(_OUT))[:_MOST_FILES]:
        path = os.path.join(_OUT, name)
        # What is no regular file is answered with no data, and is then no wheel.
        size = os.stat(path).st_size if stat.S_ISREG(os.lstat(path).st_mode) else 0
        raw = os.fsencode(name)
        out.write(len(raw).to_bytes(4, "big") + size.to_bytes(8, "big") + raw)
        if size:
            with open(path, "rb") as file:
                shutil.copyfileobj(file, out)
    out.flush()


if __name__ == "__main__":
    if sys.argv[1] == "hook":
        _hook()
    else:
        # The text of this program, which the child runs as well, is the last argument.
        sys.exit(_main(*sys.argv[1:6]))
