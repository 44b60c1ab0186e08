import json
import os
import resource
import subprocess
import sys
import textwrap
import threading

import pytest

from neurocaas_ci.build.cache import Blob, Cache, disk_errors, remove_tree, write_atomic
from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.digest import canonical_json, sha256_bytes

KEY = "a" * 64


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


@pytest.fixture
def blob(cache):
    with cache.workspace() as workspace:
        blob = cache.write_blob(workspace, lambda write: (write(b"layer "), write(b"content")))
    cache.remember_layer(KEY, blob)
    return blob


def test_a_layer_is_remembered(cache, blob):
    assert blob == Blob(sha256_bytes(b"layer content"), 13)
    assert cache.layer(KEY) == blob
    assert cache.layer(KEY, full=True) == blob
    assert cache.layer("b" * 64) is None


def test_a_changed_layer_is_not_used(cache, blob):
    path = cache.blob_path(blob.digest)
    path.chmod(0o644)
    path.write_bytes(b"layer contenT")
    assert cache.layer(KEY) is None


def test_a_change_that_keeps_the_time_is_found(cache, blob):
    path = cache.blob_path(blob.digest)
    times = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"layer contenT")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert cache.layer(KEY) is None


def test_a_touched_layer_is_hashed_and_used(cache, blob):
    os.utime(cache.blob_path(blob.digest))
    assert cache.layer(KEY) == blob


def test_a_missing_layer_is_not_used(cache, blob):
    cache.blob_path(blob.digest).unlink()
    assert cache.layer(KEY) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"check": 1}', '{"key": "a"}'])
def test_a_damaged_memory_is_no_memory(cache, blob, text):
    (cache.root / "layers" / f"{KEY}.json").write_text(text)
    assert cache.layer(KEY) is None


def test_a_memory_that_points_elsewhere_is_no_memory(cache, blob):
    with cache.workspace() as workspace:
        other = cache.write_blob(workspace, lambda write: write(b"another layer"))
    path = cache.root / "layers" / f"{KEY}.json"
    document = json.loads(path.read_bytes())
    document["digest"] = other.digest
    path.write_bytes(canonical_json(document))
    assert cache.layer(KEY) is None


def test_a_memory_of_another_key_is_no_memory(cache, blob):
    document = (cache.root / "layers" / f"{KEY}.json").read_bytes()
    (cache.root / "layers" / f"{'c' * 64}.json").write_bytes(document)
    assert cache.layer("c" * 64) is None


def test_documents_are_checked_when_read(cache):
    blob = cache.add_blob(b"{}")
    assert cache.read_blob(blob.digest) == b"{}"
    cache.blob_path(blob.digest).write_bytes(b"[]")
    assert cache.read_blob(blob.digest) is None
    assert cache.read_blob("d" * 64) is None


def test_a_workspace_is_removed_whatever_happens(cache):
    def fail():
        with cache.workspace() as workspace:
            (workspace / "file").write_text("x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list((cache.root / "tmp").iterdir()) == []


def test_what_a_killed_process_left_is_swept(cache):
    code = f"""
        import os
        from pathlib import Path
        from neurocaas_ci.build.cache import Cache
        with Cache(Path({str(cache.root)!r})).workspace() as workspace:
            (workspace / "half").write_text("x")
            os.kill(os.getpid(), 9)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    left = list((cache.root / "tmp").iterdir())
    assert len(left) == 1
    with cache.workspace() as mine:
        assert list((cache.root / "tmp").iterdir()) == [mine]


def test_a_workspace_in_use_is_not_swept(cache):
    with cache.workspace() as one, cache.workspace() as two:
        assert {one, two} == set((cache.root / "tmp").iterdir())


def test_a_lock_excludes(cache):
    order = []

    def other():
        with cache.lock("x"):
            order.append("other")

    thread = threading.Thread(target=other)
    with cache.lock("x"):
        thread.start()
        thread.join(0.2)
        order.append("me")
    thread.join(10)
    assert order == ["me", "other"]


def _limited(cache_root, code):
    """Run code in a process that may write files of 64 KB at most."""
    head = f"""
from pathlib import Path
from neurocaas_ci.build.cache import Cache
from neurocaas_ci.errors import BuildError
cache = Cache(Path({str(cache_root)!r}))
"""
    return subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536)),
    )


def test_a_full_disk_leaves_nothing_half_written(cache):
    done = _limited(
        cache.root,
        """
        try:
            with cache.workspace() as workspace:
                cache.write_blob(workspace, lambda write: write(bytes(1 << 20)))
        except BuildError as error:
            print(error)
        """,
    )
    assert "cannot write: File too large" in done.stdout
    assert "hint: a file size limit" in done.stdout
    assert list((cache.root / "tmp").iterdir()) == []
    assert not (cache.root / "oci").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_is_not_writable(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(BuildError, match="Permission denied"), Cache(tmp_path).workspace():
        pass


def test_write_atomic_keeps_the_old_content_on_failure(tmp_path):
    target = tmp_path / "file"
    write_atomic(target, b"old")
    with pytest.raises(TypeError):
        write_atomic(target, "not bytes")
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_other_errors_are_not_disguised(tmp_path):
    with pytest.raises(FileNotFoundError), disk_errors(tmp_path):
        (tmp_path / "nowhere").read_bytes()


def test_remove_tree_removes_closed_folders(tmp_path):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "c").write_text("x")
    folder.chmod(0o500)
    remove_tree(tmp_path / "a")
    assert not (tmp_path / "a").exists()
