"""The sandbox of ordinary users, running without isolation, and machines without a sandbox."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import neurocaas_ci
from neurocaas_ci.errors import SandboxUnavailableError
from neurocaas_ci.run.sandbox import Sandbox
from neurocaas_ci.run.sandbox.probe import explain

from .conftest import finish

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(60)]

_DRIVER = """
import json, sys
from pathlib import Path
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.run.sandbox import Sandbox, SandboxRequest
base, python, isolation = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
for name in ('inputs', 'outputs'): (base / name).mkdir(exist_ok=True)
sandbox = Sandbox.probe(isolation, base)
def run(code, **limits):
    request = SandboxRequest(base.parent / 'root', (python, '-I', '-S', '-c', code), {'A': '1'},
        base / 'inputs', base / 'outputs', base / 'log', RunLimits(**limits), 20)
    result = sandbox.execute(request)
    text = (base / 'log').read_text()
    parts = {'usage': result.usage._asdict(), 'isolation': result.isolation._asdict()}
    return result._asdict() | parts | {'log': [l.partition(' ')[2] for l in text.splitlines()]}
FORKS = '''
import os, time
n = 0
try:
    while n < 300:
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
        n += 1
except OSError: pass
print(n)
'''
BUSY = '''
import time
x = bytearray(50 << 20)
# Longer than the pause between two looks, on a machine with other work as well.
end = time.monotonic() + 2.5
while time.monotonic() < end: pass
'''
print(json.dumps({
    'ids': run('import os; print(os.getuid()); open("/outputs/x", "w").write("y")'),
    'forks': run(FORKS, processes=64),
    'busy': run(BUSY),
    'memory': run('x = bytearray(400 << 20)', memory=100 << 20),
}))
"""
_SOMEBODY = 64001


@pytest.fixture
def as_user(place, sandbox):
    """Run the driver as an ordinary user, whoever runs the tests."""
    package = place.base / "package"
    if not package.exists():
        source = Path(neurocaas_ci.__file__).parent
        shutil.copytree(
            source, package / "neurocaas_ci", ignore=shutil.ignore_patterns("__pycache__")
        )
    folder = place.base / "user"
    folder.mkdir()
    prefix = []
    if os.geteuid() == 0:
        os.chown(folder, _SOMEBODY, _SOMEBODY)
        prefix = ["setpriv", f"--reuid={_SOMEBODY}", f"--regid={_SOMEBODY}", "--clear-groups", "--"]

    def as_user(isolation: str):
        done = subprocess.run(
            [*prefix, place.python, "-c", _DRIVER, str(folder), place.python, isolation],
            env={
                "PYTHONPATH": str(package),
                "PATH": "/usr/bin:/bin",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    yield as_user
    shutil.rmtree(folder)


def test_an_ordinary_user_gets_a_sandbox(as_user):
    found = as_user("sandbox")
    assert found["ids"]["reason"] == "exited"
    assert found["ids"]["log"] == ["65534"]
    assert found["ids"]["isolation"]["level"] == "sandbox"
    assert 50 <= int(found["forks"]["log"][0]) <= 64
    assert found["busy"]["usage"]["cpu_s"] >= 0.25
    assert found["busy"]["usage"]["memory_peak"] > 40 << 20
    # Without a control group the address space is bounded, and Python says so itself.
    assert found["memory"]["reason"] in {"nonzero_exit", "memory_limit"}
    assert "limits.memory" in found["memory"]["message"]


def test_without_isolation_limits_hold(place):
    bare = Sandbox.probe("none", place.base)
    assert bare.isolation.level == "none"
    assert bare.isolation.network
    assert not bare.isolation.seccomp
    code = "import os; print(open(os.environ['NEUROCAAS_INPUTS'] + '/a.txt').read())"
    assert finish(bare, place.request(*place.script(code))).lines == ["given"]
    code = "import os; open(os.environ['NEUROCAAS_OUTPUTS'] + '/o', 'w').write('x'); os._exit(4)"
    done = finish(bare, place.request(*place.script(code)))
    assert (done.result.reason, done.result.exit_code) == ("nonzero_exit", 4)
    assert (done.request.outputs / "o").read_text() == "x"
    done = finish(bare, place.request(*place.script("import time; time.sleep(30)"), max_runtime=1))
    assert done.result.reason == "time_limit"
    assert finish(bare, place.request("/bin/sh", "-c", "kill -9 $$")).result.signal == 9
    assert finish(bare, place.request("/nothing/here")).result.exit_code == 127


def test_without_isolation_the_process_group_is_killed(place):
    bare = Sandbox.probe("none", place.base)
    done = finish(bare, place.request("/bin/sh", "-c", "sleep 47.11 & sleep 47.11 & echo up"))
    assert done.result.reason == "exited"
    assert done.lines == ["up"]
    left = [
        folder.name
        for folder in Path("/proc").glob("[0-9]*")
        if b"47.11" in _read(folder / "cmdline") and b"Z (" not in _read(folder / "stat")
    ]
    assert left == []


def test_a_folder_that_runs_cannot_reach(place, sandbox):
    if os.geteuid() != 0:
        pytest.skip("an ordinary user's runs can reach what the user can")
    private = place.base / "private"
    (private / "scratch").mkdir(parents=True)
    private.chmod(0o700)
    with pytest.raises(SandboxUnavailableError, match="cannot be shown") as caught:
        Sandbox.probe("sandbox", private / "scratch")
    assert "chmod o+x" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("bwrap: Can't find source path /x: Permission denied", "folder of runs"),
        ("bwrap: Unknown option --json-status-fd", "too old"),
        ("bwrap: something else", "cannot make a sandbox"),
    ],
)
def test_explanations(said, cause):
    error = explain(said, Path("/x"))
    assert cause in error.message
    assert said in error.message
    assert error.hint


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
