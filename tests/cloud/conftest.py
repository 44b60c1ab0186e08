"""The stand-ins for AWS, for the tests in this folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from aftermath import remains, wrong_in_books
from batch_world import BatchWorld, folder, lay_out, loop
from bridge.cloud import running
from moto_server import aws, bucket
from proxy import proxy_before

__all__ = ["aws", "bucket"]


@pytest.fixture
def proxy(aws, bucket, monkeypatch):
    """A proxy before the stand-in; clients that are made from now on go through it."""
    with proxy_before(aws.url) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
        yield found


@pytest.fixture(scope="session")
def template():
    """A platform with blueprints that run on AWS, laid out once."""
    made = folder()
    lay_out(made)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def account():
    """An account with two queues, policies in force."""
    with running() as cloud:
        cloud.queue("neurocaas-m5-large-standard", "m5.large", vcpus=6)
        cloud.queue("neurocaas-m5-large-save", "m5.large", vcpus=6, spot=True)
        cloud.enforce(on=True)
        yield cloud


@pytest.fixture
def world(account, template):
    """A platform of its own in the account; afterwards nothing remains, and the books are right."""
    made = folder()
    shutil.copytree(template / "registry", made / "registry", symlinks=True)
    platform = loop.Platform(made, cache=template / "home/cache")
    world = BatchWorld(account, platform)
    yield world
    try:
        assert remains(world) == []
        assert wrong_in_books(world) == []
    finally:
        shutil.rmtree(made, ignore_errors=True)
