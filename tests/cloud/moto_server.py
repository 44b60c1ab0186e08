"""A stand-in for AWS on loopback: one moto server for all tests of a process.

`moto_server()` gives its address; the fixtures below set what boto reads from the environment, so
that the code under test, and the processes that it starts, talk to it. A conftest takes them with
`from moto_server import aws, bucket`.
"""

from __future__ import annotations

import atexit
import functools
import logging
import uuid
from typing import NamedTuple

import boto3
import pytest
from moto.server import ThreadedMotoServer

REGION = "us-east-1"


class Aws(NamedTuple):
    """Where the stand-in listens, and the environment that leads there."""

    url: str
    key: str = "testing"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.key,
            "AWS_DEFAULT_REGION": REGION,
            # Neither the user's profile nor the address of a cloud machine's credentials.
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def client(self, service: str):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.key,
        )

    def new_bucket(self) -> str:
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self.client("s3").create_bucket(Bucket=name)
        return name


@functools.cache
def moto_server() -> Aws:
    """Start the server on a free port of 127.0.0.1, once; it ends with this process."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    atexit.register(server.stop)
    host, port = server.get_host_and_port()
    return Aws(f"http://{host}:{port}")


@pytest.fixture
def aws(monkeypatch):
    """Let boto, here and in child processes, talk to the stand-in."""
    found = moto_server()
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def bucket(aws):
    """Return the name of a new, empty bucket."""
    return aws.new_bucket()
