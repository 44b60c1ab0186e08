"""The platform of the loop tests, with a bare origin and a terminal."""

from __future__ import annotations

import importlib.util
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

_LOOP = Path(__file__).parents[1] / "loop/conftest.py"
_spec = importlib.util.spec_from_file_location("loop_platform", _LOOP)
assert _spec is not None
loop_platform = importlib.util.module_from_spec(_spec)
sys.modules["loop_platform"] = loop_platform
_spec.loader.exec_module(loop_platform)

_template = loop_platform._template
platform = loop_platform.platform


class Terminal:
    """A command of the platform on a pseudo terminal of 100 columns."""

    def __init__(self, platform, *arguments, **env):
        self.shown = b""
        self._deadline = time.monotonic() + 100
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            os.chdir(platform.repo)
            command = platform.command(*arguments)
            variables = {**platform.env, "TERM": "xterm", "COLUMNS": "100", "LINES": "40", **env}
            os.execve(command[0], command, variables)  # noqa: S606

    def until(self, *texts):
        """Read until all texts were shown; fail when the command ends before."""
        while not all(text in self.shown for text in texts):
            assert self._read(), f"it ended before {texts}: {self.shown!r}"

    def type(self, data):
        os.write(self._master, data)

    def interrupt(self):
        """Press Ctrl-C, again after three seconds when nothing came of it.

        Python loses one that comes between the prompt and the wait for a line: its handler has run,
        but `input()` looks at signals only when one interrupts that wait.
        """
        for _ in range(10):
            self.type(b"\x03")
            pressed = time.monotonic()
            while time.monotonic() < pressed + 3:
                if select.select([self._master], [], [], 0.1)[0] and not self._read():
                    return

    def end(self):
        """Read to the end; return the exit code and everything that was shown."""
        try:
            while self._read():
                pass
        finally:
            os.close(self._master)
            if time.monotonic() > self._deadline:
                os.kill(self.pid, signal.SIGKILL)
            _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status), self.shown.decode("utf-8", "replace")

    def _read(self):
        while time.monotonic() < self._deadline:
            if select.select([self._master], [], [], 0.5)[0]:
                try:
                    chunk = os.read(self._master, 1 << 16)
                except OSError:
                    return False
                self.shown += chunk
                return bool(chunk)
        return False


@pytest.fixture
def terminal(platform):
    return lambda *arguments, **env: Terminal(platform, *arguments, **env)


@pytest.fixture
def origin(platform):
    """A bare origin of the platform's registry."""
    path = platform.repo.parent / "origin.git"
    subprocess.run(
        ["git", "clone", "-q", "--bare", str(platform.repo), str(path)], env=platform.env,
        check=True,
    )  # fmt: skip
    platform.git("remote", "add", "origin", str(path))
    platform.git("fetch", "-q", "origin")
    return path
