"""What the demos share: a folder that is theirs, and a stage on which commands are shown and run."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INTERRUPTED = 130
_DEFAULTS = (ROOT / ".demo", ROOT / ".demo-all")
_MARK = ".neurocaas-demo"
_KEPT = {"cache", _MARK}
_USAGE = 2


class Stage:
    """Shows headings and commands, runs them, and stops when one goes another way than told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.began = time.monotonic()
        self.times: list[tuple[str, float]] = []
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "NEUROCAAS_HOME": str(folder / "home"),
            "NEUROCAAS_CACHE": str(folder / "cache"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def become(self, login: str) -> None:
        """Type as another user from now on."""
        self.env["NEUROCAAS_USER"] = login
        for role in ("AUTHOR", "COMMITTER"):
            self.env[f"GIT_{role}_NAME"] = login
            self.env[f"GIT_{role}_EMAIL"] = f"{login}@example.org"

    def heading(self, text: str) -> None:
        """Begin a part of the demo."""
        self.times.append((text, time.monotonic()))
        print(f"\n{self._style('1;36', '━━ ' + text)}", flush=True)

    def tell(self, text: str) -> None:
        """Say what comes next and why."""
        print(f"\n{self._style('2', '# ' + text)}", flush=True)

    def show(self, line: str) -> None:
        """Show a command as it would be typed."""
        print(self._style("1", "$ " + line), flush=True)

    def run(self, line: str, folder: Path, code: int = 0, *, quiet: bool = False) -> None:
        """Show and run one command; leave the demo when it exits with another code."""
        if not quiet:
            self.show(line)
        process = subprocess.Popen(shlex.split(line), cwd=folder, env=self.env)
        interrupted = False
        while process.returncode is None:
            try:
                process.wait()
            except KeyboardInterrupt:
                # The command has had the signal as well; let it end in good order.
                interrupted = True
        if interrupted or process.returncode == INTERRUPTED:
            raise KeyboardInterrupt
        if process.returncode != code:
            sys.exit(f"\ndemo: `{line}` ended with {process.returncode} instead of {code}")

    def output(self, line: str, folder: Path) -> str:
        """Run one command without showing it; return what it prints, or leave the demo."""
        done = subprocess.run(
            shlex.split(line),
            cwd=folder,
            env=self.env,
            check=False,
            stdout=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            sys.exit(f"\ndemo: `{line}` ended with {done.returncode}")
        return done.stdout

    def _style(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


@contextlib.contextmanager
def emptied(folder: Path) -> Iterator[None]:
    """Hold the folder for one demo, without what an earlier one left but downloads and builds.

    Only a default folder, or one that a demo has made, is ever emptied: `--folder ~` must not cost a home.
    """
    known = folder in _DEFAULTS or (folder / _MARK).exists()
    if folder.exists() and not known and any(folder.iterdir()):
        print(f"demo: {folder} holds other things; name an empty or a new folder", file=sys.stderr)
        sys.exit(_USAGE)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _MARK).open("a") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"demo: another demo is running in {folder}", file=sys.stderr)
            sys.exit(_USAGE)
        for entry in folder.iterdir():
            if entry.name in _KEPT:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        yield
