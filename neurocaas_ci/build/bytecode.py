"""Compile Python sources with the IAE's own interpreter, in a sandbox, to reproducible .pyc files."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from neurocaas_ci.bubblewrap import find_bwrap
from neurocaas_ci.build.cache import DISK_ERRORS
from neurocaas_ci.errors import BuildError, SandboxUnavailableError

_FRAME = struct.Struct(">II")
_SECONDS = 1800
_MAX_WORKERS = 8
_DESCRIBE = (
    "import json, os, sys, sysconfig; print(json.dumps(['%d.%d' % sys.version_info[:2],"
    " sysconfig.get_path('purelib'), os.confstr('CS_GNU_LIBC_VERSION') or 'other 0.0']))"
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python in an unpacked image: its absolute path there, and the variables that it needs."""

    root: Path
    path: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Described:
    """An interpreter: its version, its folder for packages relative to the root, its C library."""

    python: str
    site: str
    glibc: tuple[int, int]


def script() -> bytes:
    """Return the program that runs inside; its text is part of the key of what it makes."""
    return Path(__file__).with_name("_compile_inside.py").read_bytes()


def compiled(
    python: Interpreter, sources: Iterable[tuple[str, bytes]], workspace: Path
) -> Iterator[tuple[str, bytes]]:
    """Yield (path of the .pyc, content) for every (path, source) that compiles, in order.

    Paths are relative to the root. The result does not depend on the number of processors. Raise
    BuildError when the image has no such interpreter, even if there is nothing to compile.
    """
    with contextlib.ExitStack() as stack:
        count = min(_MAX_WORKERS, len(os.sched_getaffinity(0)))
        inputs = [stack.enter_context(_temporary(workspace)) for _ in range(count)]
        total = 0
        for path, source in sources:
            name = path.encode()
            inputs[total % count].write(_FRAME.pack(len(name), len(source)) + name + source)
            total += 1
        outputs = [stack.enter_context(_temporary(workspace)) for _ in inputs[: max(1, total)]]
        _run_all(python, list(zip(inputs, outputs, strict=False)))
        tags = {_read_frame(output)[0] for output in outputs}
        tag = tags.pop()
        for number in range(total):
            place, data = _read_frame(outputs[number % count])
            if data:
                folder, _, file = place.rpartition("/")
                yield f"{folder}/__pycache__/{file.removesuffix('.py')}.{tag}.pyc", data


def describe(interpreter: Interpreter) -> Described:
    """Ask an interpreter of a foreign image what it is; raise BuildError when it does not say."""
    try:
        python, site, libc = json.loads(_ask(interpreter, _DESCRIBE))
        name, version = libc.split()
        major, minor = version.split(".")[:2]
        glibc = (int(major), int(minor)) if name == "glibc" else (0, 0)
        return Described(str(python), str(site).strip("/"), glibc)
    except (ValueError, AttributeError) as error:
        raise BuildError(
            "the Python of the base image does not say what it is",
            where=interpreter.path,
            hint="pin an image with CPython on glibc",
        ) from error


def _ask(python: Interpreter, code: str) -> str:
    command = _command(python, code)
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    if done.returncode:
        raise _failure(done.stderr.decode(errors="replace"), python.path)
    return done.stdout.decode().strip()


def _temporary(workspace: Path) -> BinaryIO:
    return tempfile.TemporaryFile(dir=workspace)


def _run_all(python: Interpreter, streams: list[tuple[BinaryIO, BinaryIO]]) -> None:
    command = _command(python, script().decode())
    with contextlib.ExitStack() as stack:
        started = []
        for source, target in streams:
            source.seek(0)
            process = subprocess.Popen(command, stdin=source, stdout=target, stderr=subprocess.PIPE)
            stack.callback(_end, process)
            started.append(process)
        for process in started:
            try:
                _, stderr = process.communicate(timeout=_SECONDS)
            except subprocess.TimeoutExpired:
                raise BuildError(
                    f"compiling took more than {_SECONDS} s",
                    where=python.path,
                    hint="look for a huge generated Python file in src/ or in a wheel",
                ) from None
            if process.returncode:
                raise _failure(stderr.decode(errors="replace"), python.path)
    for _, target in streams:
        target.seek(0)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.communicate()


def _read_frame(stream: BinaryIO) -> tuple[str, bytes]:
    header = stream.read(_FRAME.size)
    if len(header) < _FRAME.size:
        raise BuildError("the interpreter of the IAE stopped while compiling")
    path_size, data_size = _FRAME.unpack(header)
    return stream.read(path_size).decode(), stream.read(data_size)


def _command(python: Interpreter, code: str) -> list[str]:
    bwrap = find_bwrap()
    if bwrap is None:
        raise SandboxUnavailableError(
            "bubblewrap is needed to run the interpreter of the IAE",
            where="bwrap",
            hint="install it: apt-get install bubblewrap; or name it with NEUROCAAS_BWRAP",
        )
    variables = {**python.environment, "LC_ALL": "C.UTF-8"}
    return [
        *(bwrap, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        "--clearenv",
        *(part for item in variables.items() for part in ("--setenv", *item)),
        *("--ro-bind", str(python.root), "/", "--proc", "/proc", "--dev", "/dev"),
        *("--tmpfs", "/tmp"),  # noqa: S108 - a private one
        *("--remount-ro", "/", "--chdir", "/", "--"),
        *(python.path, "-I", "-S", "-c", code),
    ]


def _failure(stderr: str, interpreter: str) -> Exception:
    last = stderr.strip().splitlines()[-1] if stderr.strip() else "it was killed"
    if last.startswith("bwrap: "):
        if "execvp" in last:
            return BuildError(
                f"the base has no {interpreter}",
                where="iae.yaml",
                hint="add the package of this Python version to the base, or correct `python`",
            )
        return SandboxUnavailableError(
            last,
            where="bwrap",
            hint="this machine forbids user namespaces; docs/reference/sandbox.md says what to do",
        )
    full = any(os.strerror(number) in last for number in DISK_ERRORS)
    return BuildError(
        f"the interpreter of the IAE failed: {last}",
        where=interpreter,
        hint="free space on this disk, or move the cache with NEUROCAAS_HOME" if full else "",
    )
