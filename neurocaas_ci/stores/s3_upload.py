"""Send one content to S3 as an object that is created once and never replaced."""

from __future__ import annotations

import base64
import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from botocore.exceptions import ClientError

from neurocaas_ci.errors import IntegrityError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.stores.s3_errors import gone_upload, refused, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_SIZE = 16 << 20
_MOST_PARTS = 10_000
_AT_ONCE = 4
_CHUNK = 1 << 20
METADATA = "sha256"


@dataclass(frozen=True)
class Upload:
    """One object to create: where, and the digest and size (bytes) of its content.

    `send` and `send_parts` tell whether the object was created now; False means that one was there.
    """

    client: S3Client
    bucket: str
    key: str
    digest: Sha256
    size: int
    part_size: int = PART_SIZE

    def send(self, data: bytes) -> bool:
        """Create the object in one request; S3 checks the sha256 before it keeps anything."""
        with translated(self._where):
            try:
                self.client.put_object(
                    Bucket=self.bucket,
                    Key=self.key,
                    Body=data,
                    IfNoneMatch="*",
                    ChecksumAlgorithm="SHA256",
                    ChecksumSHA256=_base64(hashlib.sha256(data)),
                    Metadata={METADATA: self.digest},
                )
            except ClientError as error:
                if refused(error):
                    return False
                raise
        return True

    def send_parts(self, stream: BinaryIO) -> bool:
        """Create the object from a stream in parts; go on with an upload that broke off earlier.

        What an interrupted call has sent is kept for the next one. Raise IntegrityError when the
        stream no longer has the digest; then nothing is created.
        """
        with translated(self._where):
            try:
                upload, known = self._begin()
                parts = self._send_all(stream, upload, known)
                self.client.complete_multipart_upload(
                    Bucket=self.bucket,
                    Key=self.key,
                    UploadId=upload,
                    IfNoneMatch="*",
                    MultipartUpload={"Parts": parts},
                )
            except ClientError as error:
                # Another one who sends the same content may have completed the same upload.
                if gone_upload(error):
                    return False
                if refused(error):
                    self._abort(upload)
                    return False
                raise
        return True

    def _send_all(
        self, stream: BinaryIO, upload: str, known: dict[int, str]
    ) -> list[CompletedPartTypeDef]:
        """Send the parts that S3 does not have; return all, as completing needs them."""
        total, length = hashlib.sha256(), 0
        parts: list[CompletedPartTypeDef] = []
        under_way: deque[Future[CompletedPartTypeDef]] = deque()
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="s3-part") as pool:
            try:
                for number, data in enumerate(self._pieces(stream), 1):
                    total.update(data)
                    length += len(data)
                    under_way.append(pool.submit(self._part, upload, number, data, known))
                    if len(under_way) > _AT_ONCE:
                        parts.append(under_way.popleft().result())
                parts.extend(future.result() for future in under_way)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        if total.hexdigest() != self.digest or length != self.size:
            self._abort(upload)
            raise IntegrityError(
                "the file was changed while it was being stored",
                where=self._where,
                hint="nothing was stored; wait until nobody writes to the file, then try again",
            )
        return parts

    def _part(
        self, upload: str, number: int, data: bytes, known: dict[int, str]
    ) -> CompletedPartTypeDef:
        checksum = _base64(hashlib.sha256(data))
        etag = known.get(number, "").removeprefix(f"{checksum} ")
        if not etag or etag == known.get(number):
            etag = self.client.upload_part(
                Bucket=self.bucket,
                Key=self.key,
                UploadId=upload,
                PartNumber=number,
                Body=data,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum,
            )["ETag"]
        return {"PartNumber": number, "ETag": etag, "ChecksumSHA256": checksum}

    def _pieces(self, stream: BinaryIO) -> Iterator[bytes]:
        size = max(self.part_size, -(-self.size // _MOST_PARTS))
        while data := _read_full(stream, size):
            yield data

    def _begin(self) -> tuple[str, dict[int, str]]:
        """Return an upload of this very object, and of its parts `<sha256> <etag>` by number."""
        pages = self.client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.bucket, Prefix=self.key
        )
        for page in pages:
            for found in page.get("Uploads", []):
                if found["Key"] == self.key:
                    return found["UploadId"], self._known(found["UploadId"])
        begun = self.client.create_multipart_upload(
            Bucket=self.bucket,
            Key=self.key,
            ChecksumAlgorithm="SHA256",
            Metadata={METADATA: self.digest},
        )
        return begun["UploadId"], {}

    def _known(self, upload: str) -> dict[int, str]:
        """Return the parts that S3 has with a sha256 of its own; only those count."""
        pages = self.client.get_paginator("list_parts").paginate(
            Bucket=self.bucket, Key=self.key, UploadId=upload
        )
        return {
            part["PartNumber"]: f"{part['ChecksumSHA256']} {part['ETag']}"
            for page in pages
            for part in page.get("Parts", [])
            if part.get("ChecksumSHA256")
        }

    def _abort(self, upload: str) -> None:
        try:
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=self.key, UploadId=upload)
        except ClientError as error:
            if not gone_upload(error):
                raise

    @property
    def _where(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def _read_full(stream: BinaryIO, size: int) -> bytes:
    """Read exactly `size` bytes, fewer only at the end: streams may give less than asked for."""
    data = bytearray()
    while len(data) < size and (chunk := stream.read(min(_CHUNK, size - len(data)))):
        data += chunk
    return bytes(data)


def _base64(hasher: hashlib._Hash) -> str:
    return base64.b64encode(hasher.digest()).decode()
