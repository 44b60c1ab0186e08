"""Nothing survives a caller that is killed, and its claim is held until then."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(110)]

_CALLER = """
import os, sys
from pathlib import Path
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.run.sandbox import Sandbox, SandboxRequest
from neurocaas_ci.run.sandbox.guard import sandbox_token
import fcntl
base, python, marker = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
for name in ('inputs', 'outputs'): (base / name).mkdir()
sandbox = Sandbox.probe('sandbox', base)
claim = os.open(base / 'claim', os.O_RDWR | os.O_CREAT)
fcntl.flock(claim, fcntl.LOCK_EX)
print(sandbox_token(), flush=True)
code = "open('/outputs/up', 'w').close()\\nimport time\\ntime.sleep(" + marker + ")"
request = SandboxRequest(base.parent / 'root', (python, '-I', '-S', '-c', code), {}, base / 'inputs',
    base / 'outputs', base / 'log', RunLimits(), 60, claim)
sandbox.execute(request)
"""


@pytest.fixture
def caller(place, sandbox):
    """Start a process that runs a sandbox; give (process, its folder, its token)."""
    started = []

    def caller(marker: str):
        folder = place.base / f"caller-{len(started)}-{marker}"
        folder.mkdir()
        process = subprocess.Popen(
            [sys.executable, "-c", _CALLER, str(folder), place.python, marker],
            stdout=subprocess.PIPE,
        )
        started.append(process)
        token = process.stdout.readline().decode().strip()
        assert token.startswith("neurocaas-sandbox:")
        return process, folder, token

    yield caller
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_running_sandbox_ends_with_its_caller(caller):
    process, folder, token = caller("41.1")
    _until((folder / "outputs" / "up").exists, 20)
    assert not _free(folder / "claim")
    process.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    _until(lambda: _free(folder / "claim"), 5)
    assert time.monotonic() - killed < 1
    assert _left(token, "41.1") == []


@pytest.mark.parametrize("seed", range(12))
def test_a_caller_killed_while_a_sandbox_starts(caller, seed):
    """Bubblewrap does not bind its children to itself before its set-up is done."""
    process, folder, token = caller(f"42.{seed}1")
    time.sleep(random.Random(seed).uniform(0, 0.008))
    process.send_signal(signal.SIGKILL)
    process.wait()
    _until(lambda: not _left(token, f"42.{seed}1"), 4)
    _until(lambda: _free(folder / "claim"), 1)


def _free(path: Path) -> bool:
    fd = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def _left(token: str, marker: str) -> list[int]:
    """Return the processes that carry the token or the marker, the caller's own aside."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if token.encode() in line or f"sleep({marker})".encode() in line:
            found.append(int(folder.name))
    return found


def _until(condition, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
