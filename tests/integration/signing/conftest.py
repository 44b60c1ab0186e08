"""A workflow run on GitHub, as far as signing can tell."""

from __future__ import annotations

import pytest
from sigstore_server import running


@pytest.fixture
def github(tmp_path, monkeypatch):
    """Serve an instance, and make this process a job that may have its tokens."""
    with running(tmp_path / "instance") as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server
