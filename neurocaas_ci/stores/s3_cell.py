"""The cell of a job: the part of an S3 store that its workers reach, beside their own state.

The runner copies into it what the job reads, and copies out of it what it leaves; S3 does both, so
no byte passes through the runner except where a content has no sha256 of S3's own to compare.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from botocore.exceptions import ClientError

from neurocaas_ci.errors import IntegrityError
from neurocaas_ci.model.digest import Sha256, sha256_bytes
from neurocaas_ci.stores.directory import missing_content
from neurocaas_ci.stores.interface import Blob, Readable
from neurocaas_ci.stores.s3_blobs import S3Blobs
from neurocaas_ci.stores.s3_clear import clear, is_empty
from neurocaas_ci.stores.s3_client import S3Place
from neurocaas_ci.stores.s3_errors import missing, refused, translated
from neurocaas_ci.stores.s3_upload import METADATA

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, CopySourceTypeDef

CELLS = "cells"
FOLDER = "contents"
_DIGITS = 20
# One request copies up to 5 GB, but takes longer than a client waits for an answer.
_AT_ONCE = 256 << 20


def cell_id(job: str) -> str:
    """Return the name of the cell of a job: no part of a job's name can mean a folder of ours."""
    return sha256_bytes(job.encode())[:_DIGITS]


def cell_place(store: S3Place, cell: str) -> S3Place:
    """Return where a cell is."""
    return S3Place(store.bucket, store.key(CELLS, cell))


class S3Cell(NamedTuple):
    """One cell, and the contents of the store around it; `part_size` is bytes of a large copy."""

    place: S3Place
    client: S3Client
    main: S3Blobs
    contents: S3Blobs
    part_size: int = _AT_ONCE

    def bring(self, digest: Sha256) -> None:
        """Copy a content of the store into the cell; raise IntegrityError when there is none."""
        if not self._copy(self.main.key(digest), self.contents.key(digest), digest):
            raise missing_content(digest)

    def take(self, digest: Sha256, size: int) -> bool:
        """Copy a content of the cell into the store; tell whether it is what it should be.

        A worker is not believed: what does not have its digest and size stays where it is. What is
        copied is what was verified, even if somebody replaces it meanwhile.
        """
        seen = self._etag(self.contents.key(digest))
        if seen is None or not self.contents.verify(digest, size):
            return False
        return self._copy(self.contents.key(digest), self.main.key(digest), digest, seen)

    def has_taken(self, digest: Sha256) -> bool:
        """Tell whether the store has a content of this digest."""
        return self._etag(self.main.key(digest)) is not None

    def empty(self) -> bool:
        """Tell whether nothing is in the cell."""
        return is_empty(self.place, self.client)

    def clear(self) -> None:
        """Remove the cell with all versions of what was in it."""
        clear(self.place, self.client)

    def _etag(self, key: str) -> str | None:
        with translated(self.place.uri(key)):
            try:
                return self.client.head_object(Bucket=self.place.bucket, Key=key)["ETag"]
            except ClientError as error:
                if missing(error):
                    return None
                raise

    def _copy(self, source: str, target: str, digest: Sha256, etag: str | None = None) -> bool:
        """Create `target` from `source`, if it is not there yet; return False without a source."""
        bucket = self.place.bucket
        with translated(self.place.uri(source)):
            try:
                found = self.client.head_object(Bucket=bucket, Key=source)
            except ClientError as error:
                if missing(error):
                    return False
                raise
            wanted = etag or found["ETag"]
            try:
                if found["ContentLength"] > self.part_size:
                    self._copy_parts(source, target, digest, wanted, found["ContentLength"])
                else:
                    self.client.copy_object(
                        Bucket=bucket,
                        Key=target,
                        CopySource={"Bucket": bucket, "Key": source},
                        CopySourceIfMatch=wanted,
                        IfNoneMatch="*",
                        ChecksumAlgorithm="SHA256",
                    )
            except ClientError as error:
                # It is there already, or the source was changed after it was looked at.
                if not refused(error):
                    raise
                return self._etag(target) is not None
        return True

    def _copy_parts(self, source: str, target: str, digest: Sha256, etag: str, size: int) -> None:
        if self._etag(target) is not None:
            return
        bucket, client = self.place.bucket, self.client
        copied: CopySourceTypeDef = {"Bucket": bucket, "Key": source}
        upload = client.create_multipart_upload(
            Bucket=bucket, Key=target, ChecksumAlgorithm="SHA256", Metadata={METADATA: digest}
        )["UploadId"]
        try:
            parts: list[CompletedPartTypeDef] = []
            for number, start in enumerate(range(0, size, self.part_size), 1):
                end = min(start + self.part_size, size) - 1
                done = client.upload_part_copy(
                    Bucket=bucket,
                    Key=target,
                    UploadId=upload,
                    PartNumber=number,
                    CopySource=copied,
                    CopySourceRange=f"bytes={start}-{end}",
                    CopySourceIfMatch=etag,
                )["CopyPartResult"]
                part: CompletedPartTypeDef = {"PartNumber": number, "ETag": done["ETag"]}
                if "ChecksumSHA256" in done:
                    part["ChecksumSHA256"] = done["ChecksumSHA256"]
                parts.append(part)
            client.complete_multipart_upload(
                Bucket=bucket, Key=target, UploadId=upload, IfNoneMatch="*",
                MultipartUpload={"Parts": parts},
            )  # fmt: skip
        except BaseException:
            client.abort_multipart_upload(Bucket=bucket, Key=target, UploadId=upload)
            raise


class JobBlobs(NamedTuple):
    """Contents as the runner of a job sees them: those of the store, and what is in the job's cell.

    What a worker left there becomes a content of the store when it is verified.
    """

    cell: S3Cell

    def put(self, stream: Readable) -> Blob:
        """Copy a stream into the store."""
        return self.cell.main.put(stream)

    def adopt(self, path: Path) -> Blob:
        """Move a regular file into the store; `path` is gone afterwards."""
        return self.cell.main.adopt(path)

    def open(self, digest: Sha256) -> BinaryIO:
        """Open a content for reading, wherever it is; raise IntegrityError when it is missing."""
        try:
            return self.cell.main.open(digest)
        except IntegrityError:
            return self.cell.contents.open(digest)

    def place(self, digest: Sha256, target: Path) -> int:
        """Make the verified content appear read-only at `target`; return its size in bytes."""
        try:
            return self.cell.main.place(digest, target)
        except IntegrityError:
            return self.cell.contents.place(digest, target)

    def verify(self, digest: Sha256, size: int) -> bool:
        """Tell whether the store has the content intact, after looking for it in the cell."""
        return self.cell.main.verify(digest, size) or self.cell.take(digest, size)
