"""Fetch copies verified results, replaces nothing, and leaves no half file."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from job_state import JobState
from run_specs import JOB

from neurocaas_ci.errors import IntegrityError, UsageError
from neurocaas_ci.run.fetch import fetch
from neurocaas_ci.run.home import Home

FETCH = """
import sys
from pathlib import Path
from neurocaas_ci.run.fetch import fetch
from neurocaas_ci.run.home import Home
fetch(Home(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3]))
"""


@pytest.fixture
def job(tmp_path):
    state = JobState(Home(tmp_path / "home"))
    state.plan("001-work", "002-work")
    state.record("001-work", {"result.json": b"1", "deep/er/a b.npz": b"2"}, log=b"log one\n")
    state.record("002-work", {"result.json": b"3"}, log=b"log two\n")
    state.end()
    return state


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "results"


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_everything_is_there(job, folder):
    done = fetch(job.home, JOB, folder)
    assert (done.files, done.missing) == (5, ())
    found = files(folder)
    assert done.size == sum(len(found[p]) for p in found if p.startswith(("00", "logs/")))
    assert found["001-work/deep/er/a b.npz"] == b"2"
    assert found["logs/002-work.log"] == b"log two\n"
    assert json.loads(found["parameters.yaml"]) == {"n": 3, "größe": "é"}
    assert json.loads(found["job-record.json"])["status"] == "succeeded"
    assert b"# Results of job ada/2026-11/j\n" in found["README.md"]
    assert len(found) == 10
    record = json.loads(found["records/001-work.json"])
    assert {path for path, _, _ in record["outputs"]} == {"deep/er/a b.npz", "result.json"}
    listed = {run: digest for run, _, digest in json.loads(found["job-record.json"])["runs"]}
    for run in ("001-work", "002-work"):
        given = hashlib.sha256(found[f"records/{run}.json"]).hexdigest()
        assert listed.get(run, given) == given
    assert {p.name for p in folder.iterdir()} == {
        "001-work", "002-work", "logs", "records", "README.md", "parameters.yaml", "job-record.json",
    }  # fmt: skip


def test_fetched_files_can_be_changed_without_harm_to_the_store(job, folder):
    fetch(job.home, JOB, folder)
    (folder / "001-work/result.json").write_bytes(b"mine")
    assert job.home.blobs.verify(job.put(b"1").sha256, 1)


def test_again_adds_what_has_ended_since(job, folder):
    job.plan("001-work", "002-work", "003-work")
    assert fetch(job.home, JOB, folder).missing == ("003-work",)
    assert "| 003-work | | not ended yet" in (folder / "README.md").read_text()
    kept = (folder / "001-work/result.json").stat().st_mtime_ns
    job.record("003-work", {"result.json": b"new"})
    assert fetch(job.home, JOB, folder).missing == ()
    assert (folder / "003-work/result.json").read_bytes() == b"new"
    assert (folder / "001-work/result.json").stat().st_mtime_ns == kept
    assert "not ended yet" not in (folder / "README.md").read_text()


def occupy(folder, path, kind):
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if kind == "file":
        target.write_bytes(b"mine")
    elif kind == "folder":
        target.mkdir()
    elif kind == "fifo":
        os.mkfifo(target)
    elif kind == "dangling link":
        target.symlink_to("nowhere")
    elif kind == "link to the same":
        (folder / "elsewhere").write_bytes(b"1")
        target.symlink_to(folder / "elsewhere")


@pytest.mark.parametrize("kind", ["file", "folder", "fifo", "dangling link", "link to the same"])
@pytest.mark.parametrize(
    "path", ["001-work/result.json", "README.md", "parameters.yaml", "job-record.json"]
)
def test_what_is_there_is_never_replaced(job, folder, path, kind):
    occupy(folder, path, kind)
    before = os.lstat(folder / path)
    with pytest.raises(UsageError, match="already there") as caught:
        fetch(job.home, JOB, folder)
    assert "nothing was replaced" in caught.value.hint
    assert os.lstat(folder / path) == before
    assert ".neurocaas-incoming" not in os.listdir(folder)


def test_results_of_another_job_are_another_folder(job, folder):
    fetch(job.home, JOB, folder)
    other = "ada/2026-11/other"
    job.plan("009-work", job=other)
    job.record("009-work", {"x": b"x"}, job=other)
    with pytest.raises(UsageError, match="not of this job"):
        fetch(job.home, other, folder)
    assert "009-work" not in os.listdir(folder)


@pytest.mark.parametrize("where", ["parent is a file", "run folder is a file", "no such disk"])
def test_a_folder_that_cannot_be_written_is_said(job, folder, where):
    if where == "parent is a file":
        folder.write_text("x")
        folder = folder / "below"
    elif where == "run folder is a file":
        folder.mkdir()
        (folder / "001-work").write_text("x")
    else:
        folder = folder.parent.__class__("/proc/nowhere/results")
    with pytest.raises(UsageError, match="cannot be written"):
        fetch(job.home, JOB, folder)


@pytest.mark.parametrize(
    "path",
    ["../escape", "/tmp/escape", "a/../../../escape", "", ".", "a//b", "x\0", ".git/config"],  # noqa: S108
)
def test_hostile_output_paths_are_refused(job, folder, path):
    digest = job.put(b"evil").sha256
    job.forge_record("001-work", outputs=[[path, digest, 4]])
    with pytest.raises(IntegrityError, match="outside its folder"):
        fetch(job.home, JOB, folder)
    assert not any(p.name == "escape" for p in folder.parent.rglob("*"))


@pytest.mark.parametrize("run", ["..", "../../escape", "/tmp/x", ".", ""])  # noqa: S108
def test_hostile_run_names_are_refused(job, folder, run):
    job.forge_record("001-work", run=run)
    with pytest.raises(IntegrityError, match="outside its folder"):
        fetch(job.home, JOB, folder)
    assert not (folder.parent / "escape").exists()


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_damaged_output_is_never_delivered(job, folder, damage):
    stored = job.home.blobs.path(job.put(b"3").sha256)
    stored.chmod(0o644)
    if damage == "gone":
        stored.unlink()
    else:
        stored.write_bytes(b"4")
    with pytest.raises(IntegrityError):
        fetch(job.home, JOB, folder)
    assert "002-work/result.json" not in files(folder)
    assert ".neurocaas-incoming" not in os.listdir(folder)


def test_a_message_cannot_break_the_table(job, folder):
    job.record("001-work", status="failed", message="bad | line\n| and | more |\n# Title")
    fetch(job.home, JOB, folder)
    text = (folder / "README.md").read_text()
    (row,) = [line for line in text.split("\n") if line.startswith("| 001-work")]
    assert row.endswith(r"| bad \| line \| and \| more \| # Title |")
    assert "\n# Title" not in text


def test_nothing_is_there_before_the_job_has_started(job, folder):
    with pytest.raises(UsageError, match="no results yet"):
        fetch(job.home, "ada/2026-11/nothing", folder)
    assert not folder.exists()


def test_killed_at_any_time_it_leaves_no_half_file(job, folder):
    large = os.urandom(24 << 20)
    contents = {f"f{i}.npz": large[i:] for i in range(6)}
    job.record("001-work", contents)
    chance = random.Random(7)
    for number in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", FETCH, str(job.home.root), JOB, str(folder)]
        )
        # Every other one at any time from its start, when it sweeps what the one before it left.
        begun = f"{folder}/.neurocaas-incoming/{process.pid}-*/*/content"
        deadline = time.monotonic() + 20 * (number % 2)
        while not glob.glob(begun):
            if process.poll() is not None or time.monotonic() > deadline:
                break
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.1 if number % 2 else 0.3))
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        for path in folder.glob("001-work/*"):
            assert path.read_bytes() == contents[path.name]
    # One that was killed before it could lock its folder is told from one that is about to by its age.
    for entry in folder.glob(".neurocaas-incoming/*"):
        if not (entry / "owner.lock").exists():
            os.utime(entry, (0, 0))
    assert fetch(job.home, JOB, folder).missing == ()
    assert len(list(folder.glob("001-work/*"))) == 6
    assert ".neurocaas-incoming" not in os.listdir(folder), "what killed ones left is removed"
