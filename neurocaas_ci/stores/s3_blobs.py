"""The S3 blob store: contents by digest, created once, read with their full sha256."""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import io
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeGuard, cast

from botocore.exceptions import ClientError

from neurocaas_ci.errors import BackendUnavailableError, IntegrityError
from neurocaas_ci.model.digest import Sha256, sha256_bytes
from neurocaas_ci.stores.disk import disk_error, unique_name
from neurocaas_ci.stores.interface import Blob, Readable
from neurocaas_ci.stores.s3_clear import erase_versions
from neurocaas_ci.stores.s3_client import S3Place
from neurocaas_ci.stores.s3_errors import missing, translated
from neurocaas_ci.stores.s3_read import S3Reader, damaged
from neurocaas_ci.stores.s3_upload import METADATA, PART_SIZE, Upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

_CHUNK = 1 << 20


class S3Blobs:
    """Blobs in `<prefix>/<folder>/sha256/ab/<digest>`; larger ones are sent in parts.

    A stream that cannot be rewound is copied to `spool` (default: the folder for temporary files)
    first, for the digest, which is the name, is known at its end. `part_size` is bytes, at least
    5 MiB for S3.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str,
        client: S3Client,
        *,
        spool: Path | None = None,
        part_size: int = PART_SIZE,
        folder: str = "blobs",
    ) -> None:
        self._place, self._client, self._folder = S3Place(bucket, prefix), client, folder
        self._spool, self._part_size = spool, part_size

    def key(self, digest: Sha256) -> str:
        """Return the key of the object of a digest; whether it is there is not checked."""
        return self._place.key(self._folder, "sha256", digest[:2], digest)

    def put(self, stream: Readable) -> Blob:
        """Copy a stream into the store; S3 compares what arrives with our sha256."""
        start = self._read_start(stream)
        if len(start) <= self._part_size:
            return self._send_bytes(start)
        if _can_rewind(stream):
            stream.seek(-len(start), os.SEEK_CUR)
            return self._send_file(stream)
        with tempfile.TemporaryFile(dir=self._spool) as copy:
            try:
                copy.write(start)
                while chunk := stream.read(_CHUNK):
                    copy.write(chunk)
                copy.seek(0)
            except OSError as error:
                raise disk_error(error, self._spool or Path(tempfile.gettempdir())) from error
            return self._send_file(cast("BinaryIO", copy))

    def adopt(self, path: Path) -> Blob:
        """Move a regular file into the store; `path` is gone afterwards.

        The caller sees to it that nobody writes to the file any more.
        """
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise IntegrityError("only regular files can be stored", where=str(path))
            blob = self.put(stream)
        path.unlink()
        return blob

    def open(self, digest: Sha256) -> io.BufferedReader:
        """Open a content for reading; raise IntegrityError when it is missing."""
        return io.BufferedReader(self._reader(digest), _CHUNK)

    def place(self, digest: Sha256, target: Path) -> int:
        """Make the verified content appear at `target`; return its size in bytes.

        Raise IntegrityError when it is missing or damaged; then `target` never existed.
        """
        temporary = target.with_name(f".{unique_name()}")
        with self._reader(digest) as source:
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                with open(os.open(temporary, flags, 0o444), "wb") as copy:
                    while chunk := source.read(_CHUNK):
                        copy.write(chunk)
                os.chmod(temporary, 0o444)
                _appear(temporary, target)
            except OSError as error:
                raise disk_error(error, target) from error
            finally:
                with contextlib.suppress(OSError):
                    temporary.unlink()
            return source.size

    def verify(self, digest: Sha256, size: int) -> bool:
        """Tell whether the content is there and still has this digest and size.

        S3 keeps the sha256 of what it got in one request, which is compared; what it got in parts
        is read again.
        """
        found = self._head(digest)
        if found is None or found["ContentLength"] != size:
            return False
        if (known := _full_sha256(found)) is not None:
            return known == digest
        try:
            with self._reader(digest) as source:
                while source.read(_CHUNK):
                    pass
        except IntegrityError:
            return False
        return True

    def erase(self, digest: Sha256) -> None:
        """Remove a content with all its versions, if it is there."""
        erase_versions(self._place, self._client, self.key(digest))

    def listed(self) -> Iterator[tuple[str, int, float]]:
        """Yield digest, size in bytes and time (seconds since 1970) of each content."""
        prefix = self._place.key("blobs", "sha256", "")
        with translated(self._place.uri(prefix)):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._place.bucket, Prefix=prefix):
                for one in page.get("Contents", ()):
                    name = one["Key"].rpartition("/")[2]
                    yield name, one["Size"], one["LastModified"].timestamp()

    def presign(self, blob: Blob, seconds: int) -> tuple[str, dict[str, str]]:
        """Return an address that takes this one content for so long, and the headers it asks for."""
        checksum = base64.b64encode(bytes.fromhex(blob.sha256)).decode()
        with translated(self._where(blob.sha256)):
            url = self._client.generate_presigned_url(
                "put_object",
                Params={
                    "Bucket": self._place.bucket,
                    "Key": self.key(blob.sha256),
                    "IfNoneMatch": "*",
                    "ChecksumSHA256": checksum,
                    "Metadata": {METADATA: blob.sha256},
                },
                ExpiresIn=seconds,
            )
        return url, {
            "If-None-Match": "*",
            "x-amz-checksum-sha256": checksum,
            f"x-amz-meta-{METADATA}": blob.sha256,
        }

    def _reader(self, digest: Sha256) -> S3Reader:
        return S3Reader(self._client, self._place.bucket, self.key(digest), digest)

    def _read_start(self, stream: Readable) -> bytes:
        """Read as much as goes into one request, and a little more if there is more."""
        start = bytearray()
        while len(start) <= self._part_size and (chunk := stream.read(_CHUNK)):
            start += chunk
        return bytes(start)

    def _send_bytes(self, data: bytes) -> Blob:
        blob = Blob(sha256_bytes(data), len(data))
        if not self._upload(blob).send(data):
            self._require(blob)
        return blob

    def _send_file(self, stream: BinaryIO) -> Blob:
        begin = stream.tell()
        hasher = hashlib.sha256()
        while chunk := stream.read(_CHUNK):
            hasher.update(chunk)
        blob = Blob(Sha256(hasher.hexdigest()), stream.tell() - begin)
        if self._head(blob.sha256) is None:
            stream.seek(begin)
            if self._upload(blob).send_parts(stream):
                return blob
        self._require(blob)
        return blob

    def _upload(self, blob: Blob) -> Upload:
        return Upload(
            self._client,
            self._place.bucket,
            self.key(blob.sha256),
            blob.sha256,
            blob.size,
            self._part_size,
        )

    def _require(self, blob: Blob) -> None:
        """Count an object that is there as stored when it says what it should; else raise."""
        found = self._head(blob.sha256)
        if found is None:
            raise BackendUnavailableError(
                "the store said that the content is there, and that it is not",
                where=self._where(blob.sha256),
                hint="somebody removes objects; run the same command again",
            )
        full = _full_sha256(found)
        if (
            found["ContentLength"] != blob.size
            or found["Metadata"].get(METADATA) != blob.sha256
            or full not in {None, blob.sha256}
        ):
            raise damaged(blob.sha256)

    def _head(self, digest: Sha256) -> HeadObjectOutputTypeDef | None:
        with translated(self._where(digest)):
            try:
                return self._client.head_object(
                    Bucket=self._place.bucket, Key=self.key(digest), ChecksumMode="ENABLED"
                )
            except ClientError as error:
                if missing(error):
                    return None
                raise

    def _where(self, digest: Sha256) -> str:
        return self._place.uri(self.key(digest))


def _full_sha256(found: HeadObjectOutputTypeDef) -> str | None:
    """Return the sha256 that S3 computed over the whole object, if it did; in hexadecimal."""
    value = found.get("ChecksumSHA256", "")
    # The sum over the sums of parts ends with their number; some servers leave that out.
    in_parts = "-" in value or "-" in found["ETag"] or found.get("ChecksumType") == "COMPOSITE"
    return None if in_parts or not value else base64.b64decode(value).hex()


def _can_rewind(stream: Readable) -> TypeGuard[BinaryIO]:
    seekable = getattr(stream, "seekable", None)
    return bool(seekable and seekable())


def _appear(temporary: Path, target: Path) -> None:
    """Give a complete file its name, unless that is taken."""
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        os.rename(temporary, target)
