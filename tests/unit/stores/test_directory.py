"""The directory store keeps contents by digest, and claims die with their holder."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import threading

import pytest

from neurocaas_ci.errors import BackendUnavailableError, IntegrityError, UsageError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.stores.directory import DirectoryBlobs, DirectoryState

HOLD = """
import sys, time
from pathlib import Path
from neurocaas_ci.stores.directory import DirectoryState
with DirectoryState(Path(sys.argv[1])).claim("a/b", wait=True):
    print("held", flush=True)
    time.sleep(60)
"""


def digest(data: bytes) -> Sha256:
    return Sha256(hashlib.sha256(data).hexdigest())


@pytest.fixture
def blobs(tmp_path):
    return DirectoryBlobs(tmp_path)


@pytest.fixture
def state(tmp_path):
    return DirectoryState(tmp_path)


def test_put_open_verify_round_trip(blobs):
    blob = blobs.put(io.BytesIO(b"hello"))
    assert blob.sha256 == digest(b"hello")
    assert blob.size == 5
    assert blobs.open(blob.sha256).read() == b"hello"
    assert blobs.verify(blob.sha256, 5)
    assert not blobs.verify(blob.sha256, 6)


def test_adopt_moves_and_protects(blobs, tmp_path):
    file = tmp_path / "result"
    file.write_bytes(b"x" * 3000)
    blob = blobs.adopt(file)
    assert not file.exists()
    assert blobs.path(blob.sha256).stat().st_mode & 0o777 == 0o444
    assert blob == type(blob)(digest(b"x" * 3000), 3000)


def test_adopt_heals_a_damaged_copy(blobs, tmp_path):
    blob = blobs.put(io.BytesIO(b"good"))
    path = blobs.path(blob.sha256)
    path.chmod(0o644)
    path.write_bytes(b"evil")
    file = tmp_path / "again"
    file.write_bytes(b"good")
    blobs.adopt(file)
    assert blobs.verify(blob.sha256, 4)


@pytest.mark.parametrize("make", ["symlink", "fifo", "folder"])
def test_adopt_takes_regular_files_only(blobs, tmp_path, make):
    path = tmp_path / "odd"
    if make == "symlink":
        (tmp_path / "target").write_bytes(b"secret")
        path.symlink_to(tmp_path / "target")
    elif make == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises((IntegrityError, OSError)):
        blobs.adopt(path)


def test_place_refuses_missing_and_damaged_content(blobs, tmp_path):
    with pytest.raises(IntegrityError, match="not in the store"):
        blobs.place(digest(b"nowhere"), tmp_path / "a")
    blob = blobs.put(io.BytesIO(b"12345"))
    path = blobs.path(blob.sha256)
    path.chmod(0o644)
    path.write_bytes(b"12346")
    with pytest.raises(IntegrityError, match="no longer has its digest"):
        blobs.place(blob.sha256, tmp_path / "b")
    assert not (tmp_path / "b").exists()
    assert not blobs.verify(blob.sha256, 5)


def test_place_gives_a_read_only_file(blobs, tmp_path):
    blob = blobs.put(io.BytesIO(b"abc"))
    assert blobs.place(blob.sha256, tmp_path / "in") == 3
    assert (tmp_path / "in").read_bytes() == b"abc"
    assert (tmp_path / "in").stat().st_mode & 0o222 == 0


def test_a_failing_stream_leaves_nothing(blobs, tmp_path):
    class Broken:
        def __init__(self):
            self.calls = 0

        def read(self, count=-1, /):
            self.calls += 1
            if self.calls > 1:
                raise ConnectionError
            return b"half"

    with pytest.raises((ConnectionError, BackendUnavailableError)):
        blobs.put(Broken())
    assert list((tmp_path / "incoming").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_a_full_disk_is_a_clear_error_and_leaves_nothing(tmp_path):
    target = tmp_path / "small"
    target.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(target)], check=False
    )
    if mounted.returncode:
        pytest.skip("this container may not mount")
    try:
        blobs = DirectoryBlobs(target)
        with pytest.raises(BackendUnavailableError, match="No space left") as caught:
            blobs.put(io.BytesIO(b"x" * (4 << 20)))
        assert "free some space" in caught.value.hint
        assert list((target / "incoming").iterdir()) == []
    finally:
        subprocess.run(["umount", str(target)], check=True)


def test_state_is_replaced_atomically_and_listed(state):
    assert state.read("a/b") is None
    state.write("a/b", b"1")
    state.write("a/b", b"2")
    state.write("a/c/d", b"3")
    assert state.read("a/b") == b"2"
    assert state.keys("a") == ["a/b", "a/c/d"]


@pytest.mark.parametrize("key", ["", "../x", "a/../b", "/abs", "a//b", "a/./b", "nul\0"])
def test_keys_cannot_leave_the_store(state, key):
    with pytest.raises(UsageError):
        state.write(key, b"")


def test_claims_exclude_threads_and_are_given_back(state):
    order = []
    entered = threading.Event()

    def second():
        entered.set()
        with state.claim("k", wait=True):
            order.append("second")

    with state.claim("k", wait=True) as claim:
        assert claim is not None
        assert state.held("k")
        with state.claim("k", wait=False) as other:
            assert other is None
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait(5)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
    assert not state.held("k")


def test_a_killed_holder_loses_its_claim_at_once(state, tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        assert state.held("a/b")
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
        with state.claim("a/b", wait=False) as claim:
            assert claim is not None
    finally:
        holder.kill()
        holder.wait(10)
        holder.stdout.close()


def test_many_threads_one_at_a_time(state):
    inside, worst = 0, 0
    lock = threading.Lock()

    def work():
        nonlocal inside, worst
        for _ in range(50):
            with state.claim("same", wait=True):
                with lock:
                    inside += 1
                    worst = max(worst, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert worst == 1
