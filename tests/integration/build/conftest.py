"""A registry with one IAE on a captured base: everything but mirrors is real, and no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from local_server import serve

__all__ = ["serve"]

IAE = """\
schema: neurocaas/iae/v1
name: probe
platform: linux/amd64
base: {kind: host}
python: "%s"
entrypoint: [/opt/python/bin/python%s, /iae/workflow.py]
"""
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
_MAIN = "import sys; from neurocaas_ci.cli.main import main; sys.argv[0] = 'neurocaas'; main()"


def can_sandbox() -> bool:
    if shutil.which("bwrap") is None:
        return False
    probe = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.fixture(autouse=True)
def _needs_sandbox():
    if not can_sandbox():
        pytest.skip("bubblewrap or user namespaces are not available here")


@dataclass
class Bench:
    """A registry folder, a home, and the command line on both."""

    registry: Path
    home: Path
    python: str = sys.executable
    env: dict[str, str] = field(default_factory=dict)
    seconds: int = 110

    def environment(self) -> dict[str, str]:
        return {**os.environ, "NEUROCAAS_HOME": str(self.home), "NO_COLOR": "1", **self.env}

    def command(self, *arguments: str) -> list[str]:
        return [self.python, "-c", _MAIN, *arguments]

    def run(self, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*prefix, *self.command(*arguments)],
            cwd=self.registry,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=self.seconds,
        )

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.registry,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ok(self, *arguments: str, prefix: tuple[str, ...] = ()) -> str:
        done = self.run(*arguments, prefix=prefix)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, path: str, text: str) -> Path:
        target = self.registry / "iae" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    @property
    def cache(self) -> Path:
        return self.home / "cache"


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path / "registry", tmp_path / "home")
    made.write("probe/iae.yaml", IAE % (VERSION, VERSION))
    made.write(
        "probe/workflow.py",
        "import sys\nsys.path.insert(0, '/iae/src')\nimport pkg\nprint(pkg.VALUE)\n",
    )
    made.write("probe/src/pkg/__init__.py", "VALUE = 'it runs'\n")
    return made
