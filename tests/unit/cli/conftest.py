"""The real command line in a process of its own, with a home folder of its own."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

COMMAND = (sys.executable, "-m", "neurocaas_ci.cli.main")


class Shell:
    """Runs `neurocaas` in `folder`; `home` is its store."""

    def __init__(self, folder):
        self.folder = folder
        self.home = folder / "home"
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "NEUROCAAS_"))},
            "NEUROCAAS_HOME": str(self.home),
            "HOME": str(folder),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
        }  # fmt: skip

    def run(self, *arguments, code=0, cwd=None, python=(), **env):
        done = subprocess.run(
            [sys.executable, *python, *COMMAND[1:], *map(str, arguments)],
            cwd=cwd or self.folder, env={**self.env, **env}, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def sh(self, script, **env):
        """Run a shell script in which `neurocaas` is the real command."""
        function = f'neurocaas() {{ "{COMMAND[0]}" {" ".join(COMMAND[1:])} "$@"; }}\n'
        return subprocess.run(
            ["bash", "-c", function + script], cwd=self.folder, env={**self.env, **env},
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False,
        )  # fmt: skip

    def terminal(self, *arguments, cwd=None, interrupt_at=None, **env):
        """Run on a pseudo terminal of 100 columns; return exit code and everything it showed."""
        pid, master = pty.fork()
        if pid == 0:
            os.chdir(cwd or self.folder)
            variables = {**self.env, "TERM": "xterm", "COLUMNS": "100", "LINES": "40", **env}
            os.execve(COMMAND[0], [*COMMAND, *map(str, arguments)], variables)  # noqa: S606
        shown = b""
        deadline = time.monotonic() + 60
        try:
            while time.monotonic() < deadline:
                if not select.select([master], [], [], 1)[0]:
                    continue
                try:
                    chunk = os.read(master, 1 << 16)
                except OSError:
                    break
                if not chunk:
                    break
                shown += chunk
                if interrupt_at is not None and interrupt_at in shown:
                    os.write(master, b"\x03")
                    interrupt_at = None
        finally:
            os.close(master)
            if time.monotonic() >= deadline:
                os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), shown.decode("utf-8", "replace")


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


@pytest.fixture
def registry(shell):
    """An empty registry with one commit."""
    folder = shell.folder / "registry"
    folder.mkdir()
    for arguments in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", *arguments], cwd=folder, env=shell.env, check=True)
    return folder
