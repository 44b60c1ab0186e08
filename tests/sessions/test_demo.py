"""The demo, as `make demo` plays it, twice: cold, then with what the first left in its cache."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from neurocaas_ci.run.records import decode_record

pytestmark = [
    pytest.mark.slow, pytest.mark.network, pytest.mark.sandbox, pytest.mark.timeout(700),
]  # fmt: skip

DEMO = Path(__file__).resolve().parents[2] / "scripts" / "demo.py"
_COLD_SECONDS, _WARM_SECONDS = 300, 120


@pytest.fixture(scope="module")
def folder():
    """A folder that the uid of runs can reach."""
    made = Path(tempfile.mkdtemp(prefix="neurocaas-demo-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def _demo(folder, timeout, *command):
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, *(command or [DEMO]), "--folder", folder], cwd=folder.parent, timeout=timeout,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "NEUROCAAS_"))},
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout, time.monotonic() - began


def _published(folder, pattern):
    """Return the names of what lies on main of the demo's origin."""
    command = ["git", "-C", folder / "origin.git", "ls-tree", "-r", "--name-only", "main"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return [name for name in names if fnmatch.fnmatch(name, f"{pattern}/*")]


def _digests(folder):
    """Return the digest of every output by job, run and path."""
    found = {}
    for record in sorted((folder / "home/store/state/jobs").glob("*/*/*/runs/*/record.json")):
        run = decode_record(record.read_bytes())
        assert run.taken_from is None
        found |= {(run.job, run.run, output.path): output.sha256 for output in run.outputs}
    return found


def test_demo_shows_results_and_repeats_them_bit_for_bit(folder):
    text, cold = _demo(folder, _COLD_SECONDS)
    assert cold < _COLD_SECONDS
    assert "[NC-B010]" in text
    figures = sorted((folder / "results").glob("*/*/figure.png"))
    assert len(figures) == 3 + 6 + 2
    for figure in figures:
        assert figure.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    named = set(re.findall(r"results/[\w./-]+", text[text.index("Look at") :]))
    assert {"results/smooth-01/README.md", "results/ensemble-01/README.md"} < named
    assert any(name.endswith("figure.png") for name in named)
    for name in named:
        assert (folder / name).is_file(), name
    assert "identical: all 15 outputs are byte for byte the same" in text
    assert text.count("INVALID: outputs") == 1
    assert text.count("INVALID: signature") == 1
    (verdict,) = _published(folder, "certificates/grace/*/smooth-01.replays")
    assert "-identical-" in verdict
    first = _digests(folder)
    assert len({job for job, _, _ in first}) == 2

    text, warm = _demo(folder, _WARM_SECONDS)
    assert "downloading" not in text
    assert "unpacking" not in text
    assert warm < _WARM_SECONDS
    assert _digests(folder) == first


def test_demo_of_the_catalogue_runs_certifies_and_replays(folder):
    text, _ = _demo(folder, _COLD_SECONDS, DEMO.with_name("demo_all.py"), "kalman-smoother")
    (row,) = re.findall(r"^kalman-smoother +1 +\d+ +(\w+) +[\d.]+$", text, re.MULTILINE)
    assert row == "identical"
    assert (folder / "results/kalman-smoother/001-smooth/figure.png").is_file()
    assert "results/kalman-smoother/001-smooth/figure.png" in text[text.index("Look at") :]
