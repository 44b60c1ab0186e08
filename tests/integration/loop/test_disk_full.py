"""A disk that is full at every point of a job: a clear error, nothing half-written, then the result."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.timeout(300)]

PAGE = 4096


@pytest.fixture
def small_home(platform):
    """Put the platform's home on a small disk of its own; skipped where that is not allowed."""
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    platform.home.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "none", platform.home]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    yield platform
    subprocess.run(["umount", platform.home], check=True)


def leave(home, free):
    """Fill the disk but for so many bytes."""
    filler = home / "filler"
    filler.unlink(missing_ok=True)
    disk = os.statvfs(home)
    room = disk.f_bavail * disk.f_frsize - free
    with filler.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, max(room, 1))


def test_a_job_on_a_disk_that_is_full_sooner_or_later(small_home):
    platform = small_home
    job = platform.job("crowded", platform.put("a\n"))
    before: dict[str, bytes] = {}
    said = []
    for free in range(0, 60 * PAGE, 2 * PAGE):
        leave(platform.home, free)
        done = platform.run("-v", "reconcile", "--no-fetch", code=None)
        said.append((free, done.returncode, done.stderr))
        assert "internal error" not in done.stderr, said[-1]
        now = {p: p.read_bytes() for p in platform.state(job).rglob("record.json")}
        assert {path: now[path] for path in before} == before
        before = now
        if done.returncode == 0:
            break
        # A workflow that found no room is not to blame: nothing is recorded as failed.
        assert {json.loads(record)["status"] for record in now.values()} <= {"succeeded"}
        assert done.returncode in {2, 13, 16}, said[-1]
        assert "disk" in done.stderr or "No space left on device" in done.stderr, said[-1]
    else:
        raise AssertionError(said[-1])
    assert len(said) > 4, said
    (platform.home / "filler").unlink()
    record = platform.record(job, "001-work")
    assert record["status"] == platform.job_record(job)["status"] == "succeeded"
    assert platform.audit("verify", "crowded")
    assert "intact" in platform.reconcile("--verify").stderr
    assert list(platform.home.glob("store/scratch/*")) == []
    commits = platform.git("log", "--format=%H", "--", f"certificates/{job}.sigstore.json")
    assert len(commits.split()) == 1
