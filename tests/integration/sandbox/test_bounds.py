"""What a run may use up."""

from __future__ import annotations

import time

import pytest

from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.run.outputs import collect
from neurocaas_ci.stores.directory import DirectoryBlobs

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(60)]

MB = 1 << 20


def test_fork_bomb_is_bounded(run):
    code = """
import os, time
n = 0
try:
    while n < 500:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        n += 1
except OSError as error:
    print(n, error.errno)
"""
    done = run(code, processes=64, max_runtime=10)
    forks, errno = done.lines[0].split()
    assert 50 <= int(forks) <= 64
    assert errno == "11"


def test_threads_count_as_well(run):
    code = """
import threading, time
n = 0
try:
    while n < 500:
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
        n += 1
except RuntimeError:
    print(n, flush=True)
    import os
    os._exit(0)
"""
    done = run(code, processes=64, max_runtime=10)
    assert 50 <= int(done.lines[0]) <= 64


def test_two_runs_do_not_share_their_task_limit(place, sandbox):
    from concurrent.futures import ThreadPoolExecutor

    code = """
import os, time
for _ in range(40):
    if os.fork() == 0:
        time.sleep(1)
        os._exit(0)
while True:
    try: os.wait()
    except ChildProcessError: break
"""
    requests = [place.request(*place.script(code), processes=48) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(sandbox.execute, requests))
    assert [(r.reason, r.message) for r in results] == [("exited", "")] * 3


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])  # noqa: S108
def test_temporary_space_is_bounded(run, folder):
    code = f"f = open('{folder}/x', 'wb')\nfor _ in range(100): f.write(bytes(1 << 20))"
    done = run(code, tmp_size=16 * MB)
    assert done.result.reason == "nonzero_exit"
    assert "limits.tmp_size" in done.result.message


def test_a_real_file_over_the_limit(run):
    code = "f = open('/outputs/x', 'wb')\nfor _ in range(100): f.write(bytes(1 << 20))"
    done = run(code, file_size=16 * MB)
    assert done.result.reason == "output_limit"
    assert "x reached the limit of 16,777,216 bytes" in done.result.message
    assert (done.request.outputs / "x").stat().st_size <= 16 * MB


def test_a_sparse_file_over_the_limit(run):
    done = run("open('/outputs/x', 'wb').truncate(2 << 30)", file_size=16 * MB)
    assert done.result.reason in {"nonzero_exit", "killed"}
    assert not (done.request.outputs / "x").stat().st_size


def test_outputs_growing_over_the_limit_are_stopped(run):
    code = """
import time
for n in range(400):
    open(f'/outputs/{n}', 'wb').write(bytes(1 << 20))
    time.sleep(0.05)
"""
    began = time.monotonic()
    done = run(code, output_size=8 * MB, max_runtime=30)
    assert done.result.reason == "output_limit"
    assert time.monotonic() - began < 10


def test_very_many_outputs_are_stopped(run, tmp_path):
    code = """
import time
for n in range(100000):
    open(f'/outputs/{n}', 'w').close()
time.sleep(5)
"""
    done = run(code, output_files=1000, max_runtime=30)
    assert done.result.reason == "output_limit"
    assert "more than 1,000 files" in done.result.message
    files, problem = collect(
        done.request.outputs, DirectoryBlobs(tmp_path), RunLimits(output_files=1000), ()
    )
    assert files == ()
    assert problem is not None
    assert problem[0] == "output_limit"
