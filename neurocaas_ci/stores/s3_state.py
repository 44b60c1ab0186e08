"""The S3 state store: documents by key, replaced as a whole, and claims that are lent."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.stores.interface import Claim
from neurocaas_ci.stores.keys import check_key
from neurocaas_ci.stores.s3_claims import Lease, Lock, acquire
from neurocaas_ci.stores.s3_client import S3Place
from neurocaas_ci.stores.s3_errors import missing, refused, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LEASE_SECONDS = 60.0
_LONGEST_KEY = 1024
_TRIES = 5


class S3State:
    """Documents in `<prefix>/state/<key>`, claims in `<prefix>/locks/<key>`.

    A claim whose holder is not heard of for `lease_s` seconds (and a little more) may be taken over.
    """

    def __init__(
        self, bucket: str, prefix: str, client: S3Client, *, lease_s: float = LEASE_SECONDS
    ) -> None:
        self._place, self._client, self._lease_s = S3Place(bucket, prefix), client, lease_s

    def read(self, key: str) -> bytes | None:
        """Return the document, or None."""
        name = self._key("state", key)
        with translated(self._place.uri(name)):
            try:
                found = self._client.get_object(Bucket=self._place.bucket, Key=name)
                return found["Body"].read()
            except ClientError as error:
                if missing(error):
                    return None
                raise

    def write(
        self,
        key: str,
        data: bytes,
        *,
        claim: Claim | None = None,
        durable: bool = False,  # noqa: ARG002 - S3 has no other way
    ) -> None:
        """Replace the document; with a claim, only while it is held.

        The claim is renewed first. Should this process be held up between that and the write, until
        another has taken over and written, then the document is not the one that was seen before
        the renewal any more, and S3 refuses.
        """
        name = self._key("state", key)
        if claim is None:
            with translated(self._place.uri(name)):
                self._put(name, data, None, conditional=False)
            return
        lease = claim.alive
        if not isinstance(lease, Lease):
            raise UsageError(f"this claim is of another store: {claim.key}", where=key)
        for _ in range(_TRIES):
            with translated(self._place.uri(name)):
                etag = self._etag(name)
                lease.renew()
                if self._put(name, data, etag, conditional=True, epoch=lease.epoch):
                    return
            # Ours, when only the answer to the first of boto's tries got lost.
            if self.read(key) == data:
                return
        raise BackendUnavailableError(
            "somebody else keeps writing this document without a claim",
            where=self._place.uri(name),
            hint="find out who, then run the same command again",
        )

    def erase(self, key: str) -> None:
        """Remove the document, if it is there."""
        name = self._key("state", key)
        with translated(self._place.uri(name)):
            self._client.delete_object(Bucket=self._place.bucket, Key=name)

    def keys(self, prefix: str) -> list[str]:
        """Return all keys below `prefix/`, sorted."""
        begin = f"{self._key('state', prefix)}/"
        cut = len(self._place.key("state", ""))
        with translated(self._place.uri(begin)):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._place.bucket, Prefix=begin
            )
            return sorted(
                found["Key"][cut:] for page in pages for found in page.get("Contents", [])
            )

    @contextlib.contextmanager
    def claim(self, key: str, *, wait: bool) -> Iterator[Claim | None]:
        """Hold the key exclusively; yield None when it is held elsewhere and `wait` is false."""
        lease = acquire(self._lock(key), self._lease_s, wait=wait)
        if lease is None:
            yield None
            return
        try:
            yield Claim(key, None, lease)
        finally:
            lease.release()

    def held(self, key: str) -> bool:
        """Tell whether somebody holds the key now, without disturbing them."""
        seen = self._lock(key).look()
        return seen is not None and not seen.free

    def _lock(self, key: str) -> Lock:
        return Lock(self._client, self._place.bucket, self._key("locks", key))

    def _etag(self, name: str) -> str | None:
        try:
            return self._client.head_object(Bucket=self._place.bucket, Key=name)["ETag"]
        except ClientError as error:
            if missing(error):
                return None
            raise

    def _put(
        self, name: str, data: bytes, etag: str | None, *, conditional: bool, epoch: int = 0
    ) -> bool:
        bucket = self._place.bucket
        note = {"epoch": str(epoch)} if epoch else {}
        try:
            if not conditional:
                self._client.put_object(
                    Bucket=bucket, Key=name, Body=data, ChecksumAlgorithm="SHA256"
                )
            elif etag is None:
                self._client.put_object(
                    Bucket=bucket, Key=name, Body=data, ChecksumAlgorithm="SHA256",
                    Metadata=note, IfNoneMatch="*",
                )  # fmt: skip
            else:
                self._client.put_object(
                    Bucket=bucket, Key=name, Body=data, ChecksumAlgorithm="SHA256",
                    Metadata=note, IfMatch=etag,
                )  # fmt: skip
        except ClientError as error:
            if conditional and (refused(error) or missing(error)):
                return False
            raise
        return True

    def _key(self, folder: str, key: str) -> str:
        name = self._place.key(folder, check_key(key))
        try:
            length = len(name.encode())
        except UnicodeEncodeError:
            raise UsageError(f"not a state key: {key!r}", hint="S3 takes UTF-8 only") from None
        if length > _LONGEST_KEY:
            raise UsageError(
                f"this state key is too long for S3: {key!r}",
                hint=f"use a shorter prefix: S3 takes {_LONGEST_KEY} bytes with it",
            )
        return name
