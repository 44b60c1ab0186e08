"""The adapters that the contract suites of the stores run on."""

from __future__ import annotations

import pytest

from neurocaas_ci.stores.directory import DirectoryBlobs, DirectoryState

BLOB_STORES = {"directory": DirectoryBlobs}
STATE_STORES = {"directory": DirectoryState}


@pytest.fixture(params=BLOB_STORES)
def blobs(request, tmp_path):
    return BLOB_STORES[request.param](tmp_path / "store")


@pytest.fixture(params=STATE_STORES)
def new_state(request, tmp_path):
    """Return what makes one more handle on the same state, as another process would have."""
    return lambda: STATE_STORES[request.param](tmp_path / "store")


@pytest.fixture
def state(new_state):
    return new_state()
