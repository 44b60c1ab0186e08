"""Run one program of a build in an unpacked root: no network, nobody's rights, bounded, surely gone.

It sees the root (read-only), an empty /tmp, and three pipes; no descriptor of a file of this machine
reaches it, because whoever owns a file may open it again through /proc.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from neurocaas_ci.bubblewrap import find_bwrap
from neurocaas_ci.build.constants import NOBODY
from neurocaas_ci.errors import BuildError, NeurocaasError, SandboxUnavailableError
from neurocaas_ci.named import NamedTuple

_LOOK_EVERY = 0.2
_CHUNK = 1 << 18
_TAIL = 1 << 16
_SHOWN_LINES = 25
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Bounds(NamedTuple):
    """What a program may use.

    `seconds` of wall time; bytes of `memory`, all processes together; bytes that it answers
    (`answer`), and bytes below /tmp.
    """

    seconds: int = 3600
    memory: int = 8 << 30
    processes: int = 512
    answer: int = 1 << 30
    tmp: int = 4 << 30


class Ended(NamedTuple):
    """How it ended: the exit code, why it was stopped (empty: it was not), and the end of its log."""

    code: int
    stopped: str
    log: str


def run_confined(
    root: Path,
    command: Sequence[str],
    environment: Mapping[str, str],
    streams: tuple[BinaryIO, BinaryIO],
    bounds: Bounds,
) -> Ended:
    """Run a program to its end; `streams` are what it reads as stdin and where its stdout goes.

    Nothing of it is left when this returns. Raise SandboxUnavailableError when this machine cannot
    confine it, BuildError when the root has no such program.
    """
    line = [*_bwrap(root, environment, bounds), "--", *command]
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    process = subprocess.Popen(
        line,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        cwd="/",
        **identity,
    )
    watch = _Watch(process, streams, bounds)
    try:
        watch.follow()
    finally:
        watch.end()
    log = watch.tail.decode("utf-8", "replace")
    if process.returncode and log.startswith("bwrap: "):
        raise _unconfined(log.strip().splitlines()[-1], root)
    return Ended(process.returncode, watch.stopped, _shown(log))


class _Watch:
    """Three threads that move bytes, and the caller's, which looks at time and memory."""

    def __init__(
        self, process: subprocess.Popen[bytes], streams: tuple[BinaryIO, BinaryIO], bounds: Bounds
    ) -> None:
        self.process = process
        self.bounds = bounds
        self.stopped = ""
        self.tail = b""
        source, answer = streams
        self._threads = [
            threading.Thread(target=work, daemon=True)
            for work in (
                lambda: self._feed(source),
                lambda: self._take(answer),
                self._listen,
            )
        ]
        for thread in self._threads:
            thread.start()

    def follow(self) -> None:
        """Wait for the end, or bring it about."""
        deadline = time.monotonic() + self.bounds.seconds
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_LOOK_EVERY)
                return
            if time.monotonic() > deadline:
                self.stop(f"it took more than {self.bounds.seconds} s")
            count, memory = _use(self.process.pid)
            if memory > self.bounds.memory:
                self.stop(f"it used more than {self.bounds.memory:,} bytes of memory")
            elif count > self.bounds.processes + 4:
                self.stop(f"it had more than {self.bounds.processes} processes")

    def stop(self, why: str) -> None:
        """Kill it; the first reason counts."""
        self.stopped = self.stopped or why
        # Bubblewrap's death is that of the namespace, and so of every process in it.
        self.process.kill()

    def end(self) -> None:
        """Leave nothing: no process, no thread, no pipe."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _feed(self, source: BinaryIO) -> None:
        pipe = cast("BinaryIO", self.process.stdin)
        with contextlib.suppress(BrokenPipeError):
            shutil.copyfileobj(source, pipe, _CHUNK)
            pipe.close()

    def _take(self, answer: BinaryIO) -> None:
        size = 0
        while data := os.read(cast("BinaryIO", self.process.stdout).fileno(), _CHUNK):
            size += len(data)
            if size > self.bounds.answer:
                self.stop(f"it answered more than {self.bounds.answer:,} bytes")
            elif not self.stopped:
                try:
                    answer.write(data)
                except OSError as error:
                    self.stop(f"its answer could not be kept: {error.strerror}")

    def _listen(self) -> None:
        while data := os.read(cast("BinaryIO", self.process.stderr).fileno(), _CHUNK):
            self.tail = (self.tail + data)[-_TAIL:]


def _use(pid: int) -> tuple[int, int]:
    """Return how many processes descend from one, and their resident memory in bytes."""
    parents: dict[int, list[int]] = {}
    memory: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            text = Path("/proc", name, "stat").read_text(errors="replace")
            fields = text.rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(name))
            memory[int(name)] = int(fields[21]) * _PAGE
    found = list(_below(pid, parents))
    return len(found), sum(memory.get(one, 0) for one in found)


def _below(pid: int, parents: Mapping[int, list[int]]) -> Iterator[int]:
    # Whoever loses its parent gets pid 1 of the namespace, which descends from bubblewrap.
    pending = [pid]
    while pending:
        children = parents.get(pending.pop(), [])
        yield from children
        pending += children


def _bwrap(root: Path, environment: Mapping[str, str], bounds: Bounds) -> list[str]:
    program = find_bwrap()
    if program is None:
        raise SandboxUnavailableError(
            "bubblewrap is needed to build from source",
            where="bwrap",
            hint="install it: apt-get install bubblewrap; or name it with NEUROCAAS_BWRAP",
        )
    return [
        *(program, "--unshare-user", "--unshare-all", "--die-with-parent", "--new-session"),
        *("--uid", str(NOBODY), "--gid", str(NOBODY), "--hostname", "build"),
        *(("--disable-userns",) if _can_forbid_namespaces(program) else ()),
        *("--cap-drop", "ALL", "--clearenv"),
        *(part for item in environment.items() for part in ("--setenv", *item)),
        *("--ro-bind", str(root), "/", "--proc", "/proc", "--dev", "/dev"),
        *("--perms", "1777", "--size", str(bounds.tmp), "--tmpfs", "/tmp"),  # noqa: S108 - a private one
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"),  # noqa: S108 - the same
    ]


@functools.cache
def _can_forbid_namespaces(program: str) -> bool:
    """Tell whether this bubblewrap is of version 0.8.0 or later."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    numbers = re.findall(r"\d+", done.stdout)
    return tuple(map(int, numbers[:2])) >= (0, 8)


def _unconfined(line: str, root: Path) -> NeurocaasError:
    if "execvp" in line:
        return BuildError(
            f"the build environment has no such program ({line.removeprefix('bwrap: ')})",
            where="iae.yaml sources.debian",
            hint="name the Python of this IAE there, python3.11 for example",
        )
    hint = "this machine forbids user namespaces; docs/reference/sandbox.md says what to do"
    if "Can't find source path" in line:
        hint = (
            f"uid {NOBODY} must reach {root}: `chmod o+x` on the folders above it, or move "
            "NEUROCAAS_HOME to a place that others can search"
        )
    return SandboxUnavailableError(line, where="bwrap", hint=hint)


def _shown(log: str) -> str:
    """Return the last lines, with what could drive a terminal written as escapes."""
    lines = [line.rstrip() for line in log.replace("\r", "\n").split("\n") if line.strip()]
    return "\n".join(
        "".join(c if c.isprintable() or c == "\t" else ascii(c)[1:-1] for c in line[:400])
        for line in lines[-_SHOWN_LINES:]
    )
