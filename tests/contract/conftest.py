"""The adapters that the contract suites of the stores run on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from neurocaas_ci.stores.directory import DirectoryBlobs, DirectoryState

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cloud"))

PREFIX = "lab/store"

OPEN_DIRECTORY = """
from pathlib import Path
from neurocaas_ci.stores.directory import DirectoryState
state = DirectoryState(Path({root!r}))
"""
OPEN_S3 = """
from neurocaas_ci.stores.s3_client import make_client
from neurocaas_ci.stores.s3_state import S3State
state = S3State({bucket!r}, {prefix!r}, make_client())
"""


@pytest.fixture
def bucket(monkeypatch):
    """Return a new bucket of the stand-in for AWS, to which the environment leads."""
    from moto_server import moto_server

    aws = moto_server()
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    return aws.new_bucket()


@pytest.fixture(params=["directory", "s3"])
def blobs(request, tmp_path):
    if request.param == "directory":
        return DirectoryBlobs(tmp_path / "store")
    from neurocaas_ci.stores.s3_blobs import S3Blobs
    from neurocaas_ci.stores.s3_client import make_client

    bucket = request.getfixturevalue("bucket")
    return S3Blobs(bucket, PREFIX, make_client(), spool=tmp_path)


@pytest.fixture(params=["directory", "s3"])
def kind(request):
    """Return the name of the state store under test."""
    return request.param


@pytest.fixture
def new_state(kind, request, tmp_path):
    """Return what makes one more handle on the same state, as another process would have."""
    if kind == "directory":
        return lambda: DirectoryState(tmp_path / "store")
    from neurocaas_ci.stores.s3_client import make_client
    from neurocaas_ci.stores.s3_state import S3State

    bucket, client = request.getfixturevalue("bucket"), make_client()
    return lambda: S3State(bucket, PREFIX, client)


@pytest.fixture
def opens_state(kind, request, tmp_path):
    """Return the source of a program that opens the same state as `state`."""
    if kind == "directory":
        return OPEN_DIRECTORY.format(root=str(tmp_path / "store"))
    return OPEN_S3.format(bucket=request.getfixturevalue("bucket"), prefix=PREFIX)


@pytest.fixture
def few(kind):
    """Return how often to do what takes microseconds on a disk, and many requests on S3."""
    return 50 if kind == "directory" else 5


@pytest.fixture
def state(new_state):
    return new_state()
