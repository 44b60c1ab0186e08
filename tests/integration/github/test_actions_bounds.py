"""Runs of workflows are bounded, and nothing of them is left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from act_orders import Bench, log, one

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def wait_until(holds, seconds):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def living(word: str) -> list[str]:
    """Return the processes of this machine with a word on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if word.encode() in line:
                found.append(entry.name)
    return found


def test_a_fork_bomb_is_bounded(bench):
    script = """
python3 - <<'P'
import os, time
n = 0
try:
    while n < 5000:
        if os.fork() == 0:
            time.sleep(2)
            os._exit(0)
        n += 1
except OSError as error:
    print(n < 200, error.errno, flush=True)
P
"""
    outcome = bench.run(one(script), limits={"processes": 200, "seconds": 20})
    assert "True 11" in log(outcome)
    assert outcome.ended.bound is None


def test_an_endless_step_ends_with_all_that_it_started(bench):
    word = f"endless-{os.getpid()}"
    script = f"""
setsid nohup bash -c 'while :; do sleep 1; done' {word} >/dev/null 2>&1 &
(exec -a {word} sleep 600) &
echo started
while :; do :; done
"""
    outcome = bench.run(one(script), limits={"seconds": 5})
    assert outcome.ended.bound == "time"
    assert outcome.output.jobs["one"].result == "cancelled"
    assert "started" in log(outcome)
    assert living(word) == []


def test_what_a_step_leaves_behind_ends_with_the_run(bench):
    word = f"left-{os.getpid()}"
    outcome = bench.run(one(f"(exec -a {word} setsid sleep 600) >/dev/null 2>&1 & echo done"))
    assert outcome.output.jobs["one"].result == "success"
    assert living(word) == []


def test_a_run_ends_when_the_tests_are_killed(bench):
    word = f"orphan-{os.getpid()}"
    (bench.folder / "x").mkdir()
    driver = bench.folder / "driver.py"
    driver.write_text(f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from act_orders import Bench
Bench(Path({str(bench.folder / "x")!r})).run({one(f"exec -a {word} sleep 600")!r})
""")
    killed = subprocess.Popen([sys.executable, str(driver)])
    try:
        wait_until(lambda: living(word), 30)
    finally:
        killed.kill()
        killed.wait()
    wait_until(lambda: not living(word), 30)


def test_memory_is_bounded(bench):
    script = """python3 -c "
import time
b = bytearray(900 << 20)
b[:: 4096] = bytes(len(b[:: 4096]))
time.sleep(60)" """
    outcome = bench.run(one(script), limits={"memory": 400 << 20, "seconds": 50})
    assert outcome.ended.bound == "memory"


def test_endless_output_is_bounded(bench):
    outcome = bench.run(one("yes"), limits={"output": 1 << 20, "seconds": 50})
    assert outcome.ended.bound == "output"
