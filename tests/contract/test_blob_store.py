"""What every blob store must do, run on each adapter through the port alone."""

from __future__ import annotations

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from neurocaas_ci.errors import IntegrityError, NeurocaasError
from neurocaas_ci.model.digest import sha256_bytes
from neurocaas_ci.stores.interface import Blob

CONTENTS = [b"", b"x", bytes(range(256)) * 5000, b"\n" * ((1 << 20) + 1)]
ABSENT = sha256_bytes(b"nobody put this")


class Dribble:
    """A stream that gives fewer bytes than it is asked for."""

    def __init__(self, data):
        self._stream = io.BytesIO(data)

    def read(self, count=-1, /):
        return self._stream.read(min(count, 7) if count > 0 else 7)


class Failing:
    """A stream that breaks in the middle."""

    def __init__(self):
        self._left = 3

    def read(self, count=-1, /):
        self._left -= 1
        if not self._left:
            raise OSError(5, "Input/output error")
        return b"part"


@pytest.mark.parametrize("data", CONTENTS, ids=len)
def test_what_is_put_is_read_back(blobs, data):
    blob = blobs.put(io.BytesIO(data))
    assert blob == Blob(sha256_bytes(data), len(data))
    with blobs.open(blob.sha256) as stream:
        assert stream.read() == data
    assert blobs.verify(blob.sha256, len(data))


def test_short_reads_are_not_the_end(blobs):
    data = os.urandom(10_000)
    assert blobs.put(Dribble(data)) == Blob(sha256_bytes(data), len(data))


def test_putting_twice_is_one_content(blobs):
    assert blobs.put(io.BytesIO(b"same")) == blobs.put(io.BytesIO(b"same"))


def test_a_stream_that_breaks_leaves_no_content(blobs):
    with pytest.raises((NeurocaasError, OSError)):
        blobs.put(Failing())
    assert not blobs.verify(sha256_bytes(b"part"), 4)
    assert not blobs.verify(sha256_bytes(b"partpart"), 8)


@pytest.mark.parametrize("data", CONTENTS, ids=len)
def test_adopting_moves_the_file(blobs, tmp_path, data):
    path = tmp_path / "file"
    path.write_bytes(data)
    assert blobs.adopt(path) == Blob(sha256_bytes(data), len(data))
    assert not path.exists()
    assert blobs.open(sha256_bytes(data)).read() == data


def test_an_adopted_file_cannot_be_changed_by_who_made_it(blobs, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"result")
    blob = blobs.adopt(path)
    path.write_bytes(b"afterwards")
    assert blobs.verify(blob.sha256, 6)


def test_what_is_absent_is_an_integrity_error(blobs, tmp_path):
    with pytest.raises(IntegrityError) as caught:
        blobs.open(ABSENT)
    assert caught.value.where == f"sha256:{ABSENT}"
    assert caught.value.hint
    with pytest.raises(IntegrityError):
        blobs.place(ABSENT, tmp_path / "target")
    assert not (tmp_path / "target").exists()
    assert not blobs.verify(ABSENT, 0)


def test_verify_compares_the_size_too(blobs):
    blob = blobs.put(io.BytesIO(b"12345"))
    assert blobs.verify(blob.sha256, 5)
    assert not blobs.verify(blob.sha256, 4)


def test_a_placed_content_is_read_only_and_complete(blobs, tmp_path):
    data = os.urandom(3 << 20)
    blob = blobs.put(io.BytesIO(data))
    targets = [tmp_path / f"t{i}" for i in range(3)]
    for target in targets:
        assert blobs.place(blob.sha256, target) == len(data)
        assert target.read_bytes() == data
        assert target.stat().st_mode & 0o222 == 0


def test_removing_a_placed_content_leaves_the_store_alone(blobs, tmp_path):
    blob = blobs.put(io.BytesIO(b"kept"))
    blobs.place(blob.sha256, tmp_path / "target")
    (tmp_path / "target").unlink()
    assert blobs.verify(blob.sha256, 4)


def test_placing_replaces_nothing(blobs, tmp_path):
    blob = blobs.put(io.BytesIO(b"new"))
    (tmp_path / "target").write_bytes(b"mine")
    with pytest.raises(NeurocaasError):
        blobs.place(blob.sha256, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"mine"


def test_many_at_once_put_the_same_and_different_contents(blobs):
    contents = [bytes([i % 5]) * 200_000 for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda data: blobs.put(io.BytesIO(data)), contents))
    for data, blob in zip(contents, found, strict=True):
        assert blob.sha256 == hashlib.sha256(data).hexdigest()
        assert blobs.verify(blob.sha256, len(data))


def test_what_is_erased_is_absent(blobs):
    blob = blobs.put(io.BytesIO(b"unwanted"))
    blobs.erase(blob.sha256)
    blobs.erase(blob.sha256)
    assert not blobs.verify(blob.sha256, 8)
    assert blobs.put(io.BytesIO(b"unwanted")) == blob
    assert blobs.verify(blob.sha256, 8)
