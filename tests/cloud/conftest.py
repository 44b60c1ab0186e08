"""The stand-ins for AWS, for the tests in this folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from moto_server import aws, bucket
from proxy import proxy_before

__all__ = ["aws", "bucket"]


@pytest.fixture
def proxy(aws, bucket, monkeypatch):
    """A proxy before the stand-in; clients that are made from now on go through it."""
    with proxy_before(aws.url) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
        yield found
