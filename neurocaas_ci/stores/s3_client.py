"""Where an S3 store is, and the client that talks to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from neurocaas_ci.errors import UsageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")
_ATTEMPTS = 5
_CONNECT_SECONDS = 5
# Below a third of the usual lease: a renewal that hangs is tried again in time.
_READ_SECONDS = 15
_CONNECTIONS = 32


class S3Place(NamedTuple):
    """A bucket and the prefix below which everything of the store is; no slash at its ends."""

    bucket: str
    prefix: str

    def key(self, *parts: str) -> str:
        """Return the key of an object of the store."""
        return "/".join((self.prefix, *parts) if self.prefix else parts)

    def uri(self, key: str) -> str:
        """Return how an object is named in messages."""
        return f"s3://{self.bucket}/{key}"


def parse_place(uri: str) -> S3Place:
    """Read `s3://bucket/prefix`; raise UsageError when it is none."""
    match = _URI.fullmatch(uri)
    prefix = (match[2] or "").strip("/") if match else ""
    if match is None or any(part in {"", ".", ".."} for part in prefix.split("/") if prefix):
        raise UsageError(
            f"{uri!r} is not the address of a store",
            where="NEUROCAAS_STORE",
            hint="write s3://BUCKET/PREFIX, or unset it to use the folder of this machine",
        )
    return S3Place(match[1], prefix)


def make_client() -> S3Client:
    """Return a client with retries and time limits; where and who comes from the AWS settings."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import NoRegionError
    except ImportError as error:
        raise UsageError(
            "a store on S3 needs boto3, which is not installed",
            where="NEUROCAAS_STORE",
            hint="pip install 'neurocaas-ci[aws]'",
        ) from error
    config = Config(
        # What a presigned address allows is in its signed headers, which older signatures lack.
        signature_version="s3v4",
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        max_pool_connections=_CONNECTIONS,
        # Every content is hashed in full here; a second, weaker sum on the way down adds nothing.
        response_checksum_validation="when_required",
    )
    try:
        return boto3.Session().client("s3", config=config)
    except NoRegionError:
        return boto3.Session().client("s3", config=config, region_name="us-east-1")
