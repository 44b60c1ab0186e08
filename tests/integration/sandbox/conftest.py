from __future__ import annotations

import itertools
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from neurocaas_ci.errors import SandboxUnavailableError
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.run.sandbox import Sandbox, SandboxRequest, SandboxResult

from . import miniroot

_numbers = itertools.count()


@dataclass(frozen=True)
class Place:
    """Where the tests of a session run: reachable for every user, unlike pytest's own folders."""

    base: Path
    python: str

    @property
    def root(self) -> Path:
        return self.base / "root"

    def request(self, *command: str, claim_fd=None, max_runtime=20, environment=None, **limits):
        folder = self.base / f"run-{next(_numbers)}"
        (folder / "outputs").mkdir(parents=True)
        (folder / "inputs").mkdir()
        (folder / "inputs" / "a.txt").write_text("given")
        return SandboxRequest(
            root=self.root,
            command=command,
            environment=environment if environment is not None else {"PATH": "/usr/bin:/bin"},
            inputs=folder / "inputs",
            outputs=folder / "outputs",
            log=folder / "log",
            limits=RunLimits(**limits),
            max_runtime=max_runtime,
            claim_fd=claim_fd,
        )

    def script(self, code: str) -> tuple[str, ...]:
        return (self.python, "-I", "-S", "-c", code)


@dataclass
class Done:
    """A finished run with what it printed, without the timestamps."""

    result: SandboxResult
    request: SandboxRequest
    lines: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def place():
    if miniroot.system_python() is None:
        pytest.skip("needs a Python in /usr/bin to copy")
    base = Path(tempfile.mkdtemp(prefix="sandbox-test-"))
    base.chmod(0o755)
    try:
        (base / "root").mkdir()
        yield Place(base, miniroot.build(base / "root"))
    finally:
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="session")
def sandbox(place):
    try:
        return Sandbox.probe("sandbox", place.base)
    except SandboxUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def run(place, sandbox):
    """Run Python code in the sandbox."""

    def run(code: str, *, cancelled=None, **settings) -> Done:
        request = place.request(*place.script(code), **settings)
        return finish(sandbox, request, cancelled)

    return run


def finish(sandbox: Sandbox, request: SandboxRequest, cancelled=None) -> Done:
    result = sandbox.execute(request, cancelled)
    text = request.log.read_text("utf-8")
    return Done(result, request, [line.partition(" ")[2] for line in text.splitlines()])
