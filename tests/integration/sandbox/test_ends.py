"""How a run may end, and what is said about it."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from neurocaas_ci.errors import BackendUnavailableError

from .conftest import finish

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(60)]

MB = 1 << 20


def test_success(run):
    done = run("print(open('/inputs/a.txt').read()); open('/outputs/b', 'w').write('made')")
    assert (done.result.reason, done.result.exit_code, done.result.message) == ("exited", 0, "")
    assert done.lines == ["given"]
    assert (done.request.outputs / "b").read_text() == "made"
    assert set(done.result.stages) == {"sandbox_start", "script"}
    assert 0 < done.result.usage.cpu_s < 5
    assert done.result.usage.wall_s > 0


def test_exit_3(run):
    done = run("import sys; print('why', file=sys.stderr); sys.exit(3)")
    assert (done.result.reason, done.result.exit_code) == ("nonzero_exit", 3)
    assert done.result.message == "it exited with status 3; the log ends with: why"


def test_killed(run):
    done = run("import os; os.kill(os.getpid(), 9)")
    assert (done.result.reason, done.result.exit_code, done.result.signal) == ("killed", 137, 9)
    assert "SIGKILL" in done.result.message


def test_no_such_program(place, sandbox):
    done = finish(sandbox, place.request("/nothing/here"))
    assert (done.result.reason, done.result.exit_code) == ("nonzero_exit", 127)
    assert "no such program" in done.result.message


def test_time_limit(run):
    began = time.monotonic()
    done = run("print('busy', flush=True)\nwhile True: pass", max_runtime=1)
    assert done.result.reason == "time_limit"
    assert done.result.exit_code is None
    assert "raise max_runtime" in done.result.message
    assert time.monotonic() - began < 5


def test_cancelled(run):
    event = threading.Event()
    threading.Timer(0.3, event.set).start()
    began = time.monotonic()
    assert run("import time; time.sleep(30)", cancelled=event).result.reason == "cancelled"
    assert run("import time; time.sleep(30)", cancelled=lambda: True).result.reason == "cancelled"
    assert time.monotonic() - began < 5


def test_memory_limit(run):
    done = run("x = bytearray(300 << 20)", memory=64 * MB)
    assert done.result.reason in {"memory_limit", "nonzero_exit"}
    if done.result.isolation.cgroup != "none":
        assert done.result.reason == "memory_limit"
        assert "limits.memory" in done.result.message
        assert done.result.usage.memory_peak > 32 * MB


def test_memory_limit_in_a_child_while_the_parent_exits_0(run):
    code = "import os\nif os.fork() == 0:\n    x = bytearray(300 << 20)\nos.wait()"
    done = run(code, memory=64 * MB)
    if done.result.isolation.cgroup == "none":
        pytest.skip("no memory control group here")
    assert (done.result.reason, done.result.exit_code) == ("memory_limit", 0)
    assert "a child process was killed" in done.result.message


def test_memory_is_counted_from_zero_in_every_run(run):
    run("open('/outputs/big', 'wb').write(bytes(100 << 20))")
    done = run("pass")
    if done.result.isolation.cgroup == "none":
        pytest.skip("no memory control group here")
    assert done.result.usage.memory_peak < 40 * MB


def test_waiting_for_a_killed_child_is_ended(run):
    code = "import os, time\nif os.fork() == 0:\n    x = bytearray(300 << 20)\ntime.sleep(50)"
    began = time.monotonic()
    done = run(code, memory=64 * MB, max_runtime=60)
    if done.result.isolation.cgroup == "none":
        pytest.skip("no memory control group here")
    assert done.result.reason == "memory_limit"
    assert time.monotonic() - began < 10


def test_samples(run):
    done = run("import time\nx = bytearray(30 << 20)\ntime.sleep(2.2)")
    # Two samples, and on a busy machine no third one, which would come after three seconds.
    assert len(done.result.usage.samples) >= 2
    elapsed, cpu, memory = done.result.usage.samples[-1]
    assert 1 < elapsed < 3
    assert cpu < 2
    assert memory > 25 * MB


def test_background_processes_end_with_the_command(run):
    code = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                open('/outputs/alive', 'w').write(str(time.time()))
                time.sleep(0.01)
        os._exit(0)
while not os.path.exists('/outputs/alive'): time.sleep(0.01)
print('gone', flush=True)
"""
    done = run(code)
    assert done.result.reason == "exited"
    assert done.lines == ["gone"]
    alive = done.request.outputs / "alive"
    before = alive.stat().st_mtime_ns
    time.sleep(0.2)
    assert alive.stat().st_mtime_ns == before


def test_many_at_once(place, sandbox):
    def one(number):
        code = f"import time; time.sleep(0.2); print({number}); open('/outputs/n','w').write('{number}')"
        return number, finish(sandbox, place.request(*place.script(code)))

    with ThreadPoolExecutor(8) as pool:
        for number, done in pool.map(one, range(24)):
            assert done.result.reason == "exited", done
            assert done.lines == [str(number)]
            assert (done.request.outputs / "n").read_text() == str(number)


def test_a_root_without_mount_points_is_an_error_of_the_machine(place, sandbox, tmp_path_factory):
    request = place.request("/bin/sh")
    empty = place.base / "empty-root"
    empty.mkdir()
    broken = request._replace(root=empty)
    with pytest.raises(BackendUnavailableError, match="could not be set up") as caught:
        sandbox.execute(broken)
    assert "build it again" in caught.value.hint


def test_every_line_of_the_log_has_its_time(run):
    done = run("print('one'); print('two')")
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ")
    text = done.request.log.read_text()
    assert all(stamp.match(line) for line in text.splitlines())


def test_a_log_can_be_followed(place, sandbox):
    request = place.request(
        *place.script("import time\nprint('::progress 0.5 half', flush=True)\ntime.sleep(1.5)")
    )
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(sandbox.execute, request)
        deadline = time.monotonic() + 10
        while "::progress 0.5 half" not in (
            request.log.read_text() if request.log.exists() else ""
        ):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert not running.done()
        assert running.result().reason == "exited"


def test_a_log_that_is_not_utf8_and_drives_terminals(run):
    done = run(r"import os; os.write(1, b'\xff\xfe \x1b[31mred\x1b[0m \xe2\x82\xac\r\nlast')")
    assert done.lines == [r"\xff\xfe \x1b[31mred\x1b[0m €", "last"]


def test_a_gigabyte_of_log_is_bounded(run):
    code = "import os\nb = (b'x' * 99 + b'\\n') * 10486\nfor _ in range(1024): os.write(1, b)"
    done = run(code, log_size=MB, max_runtime=50)
    assert done.result.reason == "exited"
    assert done.request.log.stat().st_size <= MB
    written = 1024 * 10486 * 100
    assert written - MB < done.result.log_dropped < written
    assert "bytes were dropped" in done.lines[-1]
