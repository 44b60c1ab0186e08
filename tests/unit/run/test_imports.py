"""A `file:` dataset is read only when it is a regular file of the size that the manifest states."""

from __future__ import annotations

import hashlib
import os

import pytest

from neurocaas_ci.errors import IntegrityError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.registry import Dataset
from neurocaas_ci.run.imports import import_file
from neurocaas_ci.stores.directory import DirectoryBlobs


def dataset(path, data, size=None):
    digest = Sha256(hashlib.sha256(data).hexdigest())
    return Dataset(f"file:{path}", digest, len(data) if size is None else size)


@pytest.fixture
def blobs(tmp_path):
    return DirectoryBlobs(tmp_path / "store")


def test_the_right_file_comes_in_once(blobs, tmp_path):
    path = tmp_path / "d.csv"
    path.write_bytes(b"1,2\n")
    given = dataset(path, b"1,2\n")
    import_file(blobs, given)
    assert blobs.verify(given.sha256, 4)
    path.unlink()
    import_file(blobs, given)


@pytest.mark.parametrize("kind", ["missing", "fifo", "endless", "folder", "longer", "other"])
def test_anything_else_is_refused_at_once(blobs, tmp_path, kind):
    path = tmp_path / "d.csv"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "endless":
        path = "/dev/zero"
    elif kind == "folder":
        path.mkdir()
    elif kind == "longer":
        path.write_bytes(b"1,2\n3")
    elif kind == "other":
        path.write_bytes(b"9,9\n")
    with pytest.raises(IntegrityError) as caught:
        import_file(blobs, dataset(path, b"1,2\n"))
    assert caught.value.hint


def test_other_schemes_are_left_alone(blobs):
    import_file(blobs, Dataset("store:d.csv", Sha256("0" * 64), 4))
