"""A container in which a worker confines runs by chroot, as the scenes of its tests find it."""

from __future__ import annotations

import contextlib
import json
import uuid
from pathlib import Path

from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.run.sandbox import Sandbox, SandboxRequest
from neurocaas_ci.run.sandbox.command import NOBODY

_PROLOGUE = """
import ctypes, json, os, resource, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
found = {}
def attempt(name, action):
    try: found[name] = action()
    except OSError as error: found[name] = os.strerror(error.errno)
    except Exception as error: found[name] = type(error).__name__
def call(number, *arguments):
    ctypes.set_errno(0)
    return 'done' if libc.syscall(number, *arguments) >= 0 else os.strerror(ctypes.get_errno())
"""


class Stage:
    """One folder, one image, one way to isolate; `run` gives what a run printed and how it ended."""

    def __init__(self, base: Path, python: str) -> None:
        self.base, self.python, self.root = base, python, base / "root"
        self.sandbox = Sandbox.probe("chroot", base)

    def request(self, code: str, max_runtime: int = 20, **limits) -> SandboxRequest:
        folder = self.base / f"run-{uuid.uuid4().hex}"
        (folder / "outputs").mkdir(parents=True)
        (folder / "inputs" / "dataset").mkdir(parents=True)
        (folder / "inputs" / "a.txt").write_text("given")
        # As a careless umask leaves it.
        (folder / "inputs" / "a.txt").chmod(0o666)
        return SandboxRequest(
            self.root, (self.python, "-I", "-S", "-c", code), {"A": "1", "PATH": "/usr/bin:/bin"},
            folder / "inputs", folder / "outputs", folder / "log", RunLimits(**limits), max_runtime,
        )  # fmt: skip

    def run(self, code: str, cancelled=None, **settings) -> dict:
        request = self.request(code, **settings)
        result = self.sandbox.execute(request, cancelled)
        lines = [line.partition(" ")[2] for line in request.log.read_text().splitlines()]
        return {
            "reason": result.reason, "code": result.exit_code, "message": result.message,
            "lines": lines, "isolation": result.isolation._asdict(), "left": theirs(),
            "cpu_s": result.usage.cpu_s, "memory": result.usage.memory_peak,
            "outputs": sorted(p.name for p in request.outputs.iterdir()),
            "folder": sorted(p.name for p in request.outputs.parent.iterdir()),
            "where": str(request.outputs),
        }  # fmt: skip

    def attempts(self, code: str) -> dict:
        done = self.run(f"{_PROLOGUE}{code}\nprint(json.dumps(found))")
        assert done["reason"] == "exited", done
        return {**json.loads(done["lines"][-1]), "run": done}


def theirs() -> list[str]:
    """Return the names of all living processes of nobody's."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, KeyError):
            lines = (folder / "status").read_text().splitlines()
            facts = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
            if str(NOBODY) in facts["Uid"].split() and facts["State"][0] != "Z":
                found.append(facts["Name"])
    return found
