"""The disk that tests ask for is asked for by every target of the Makefile that runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
_CHOSEN = re.compile(r'-m "([^$"]+)"|call slow-tests,([^)]+)\)')
CHOICES = {a or b for a, b in _CHOSEN.findall((ROOT / "Makefile").read_text())}

# As if the disk of the temporary folder had that many bytes left.
RUN = """
import shutil, sys
from collections import namedtuple
import pytest
free = int(sys.argv[1])
shutil.disk_usage = lambda _: namedtuple("Usage", "free")(free)
sys.exit(pytest.main(["-p", "no:cacheprovider", "--collect-only", "-m", sys.argv[2], sys.argv[3]]))
"""


@pytest.mark.parametrize("choice", sorted(CHOICES))
def test_a_disk_that_is_too_small_is_said_before_the_first_test(choice, tmp_path):
    def collect(free: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", RUN, str(free), choice, str(ROOT / "tests/unit/scripts")]
        return subprocess.run(
            command, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path), "PYTEST_ADDOPTS": ""},
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip

    small, large = collect(10**9), collect(10**12)
    assert small.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"GB in {tmp_path}, where 1.0 GB are free: remove something" in small.stderr
    assert "are free" not in large.stdout + large.stderr


def test_each_target_that_runs_tests_is_known():
    assert sorted(CHOICES) == ["long", "not slow", "slow and not long"]
