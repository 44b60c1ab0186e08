"""Read one content from S3: hashed on the way, and resumed where a connection broke."""

from __future__ import annotations

import hashlib
import io
import time
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from neurocaas_ci.errors import IntegrityError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.stores.directory import missing_content
from neurocaas_ci.stores.s3_errors import missing, refused, translate

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

_ATTEMPTS = 5
_PAUSE_SECONDS = 0.2


class S3Reader(io.RawIOBase):
    """A content from its first to its last byte; the end is reached only when the digest fits.

    Raise IntegrityError when the content is missing or damaged, and BackendUnavailableError when a
    connection breaks again and again without a byte in between.
    """

    def __init__(self, client: S3Client, bucket: str, key: str, digest: Sha256) -> None:
        super().__init__()
        self._client, self._bucket, self._key, self._digest = client, bucket, key, digest
        self._where = f"s3://{bucket}/{key}"
        self._hasher = hashlib.sha256()
        self._done = 0
        self._body: StreamingBody | None = None
        self._etag, self.size = "", -1
        self._open()

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer from where the last call ended; 0 is the verified end."""
        view = memoryview(buffer).cast("B")
        if not view:
            return 0
        for attempt in range(_ATTEMPTS):
            try:
                chunk = self._more(len(view))
            except BotoCoreError as error:
                self._drop()
                if attempt + 1 == _ATTEMPTS:
                    raise translate(error, self._where) from error
                time.sleep(_PAUSE_SECONDS * 2**attempt)
            else:
                break
        view[: len(chunk)] = chunk
        self._hasher.update(chunk)
        self._done += len(chunk)
        if not chunk and self._hasher.hexdigest() != self._digest:
            raise damaged(self._digest)
        return len(chunk)

    def close(self) -> None:
        """Give the connection up."""
        self._drop()
        super().close()

    def _more(self, count: int) -> bytes:
        if self._done == self.size:
            return b""
        if self._body is None:
            self._open()
        assert self._body is not None  # noqa: S101 - `_open` sets it or raises
        # Raises IncompleteReadError when the connection ends before the content does.
        return self._body.read(count)

    def _open(self) -> None:
        try:
            if self._etag:
                # Never the tail of another object.
                found = self._client.get_object(
                    Bucket=self._bucket,
                    Key=self._key,
                    Range=f"bytes={self._done}-",
                    IfMatch=self._etag,
                )
            else:
                found = self._client.get_object(Bucket=self._bucket, Key=self._key)
                self._etag, self.size = found["ETag"], found["ContentLength"]
        except ClientError as error:
            if missing(error):
                raise missing_content(self._digest) from None
            if refused(error):
                raise damaged(self._digest) from error
            raise translate(error, self._where) from error
        except BotoCoreError as error:
            if self._etag:
                raise
            raise translate(error, self._where) from error
        self._body = found["Body"]

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None


def damaged(digest: Sha256) -> IntegrityError:
    """Return the error for an object that does not have the content of its name."""
    return IntegrityError(
        "the stored content does not have its digest",
        where=f"sha256:{digest}",
        hint="somebody replaced the object; restore its first version (the bucket keeps versions),"
        " or remove it and put the original again with `neurocaas data put FILE`",
    )
