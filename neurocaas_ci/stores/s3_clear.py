"""Remove everything below one prefix of a bucket: a store that was made for a while."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from neurocaas_ci.stores.s3_client import S3Place
from neurocaas_ci.stores.s3_errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_AT_ONCE = 16


def clear(place: S3Place, client: S3Client) -> None:
    """Remove the objects of a store, and the uploads that were not completed.

    Raise BackendUnavailableError when S3 cannot be asked; what is left then can be cleared again.
    """
    bucket, prefix = place.bucket, f"{place.prefix}/"

    def remove(key: str) -> None:
        client.delete_object(Bucket=bucket, Key=key)

    with translated(place.uri(prefix)), ThreadPoolExecutor(_AT_ONCE) as pool:
        uploads = client.get_paginator("list_multipart_uploads")
        for page in uploads.paginate(Bucket=bucket, Prefix=prefix):
            for found in page.get("Uploads", []):
                client.abort_multipart_upload(
                    Bucket=bucket, Key=found["Key"], UploadId=found["UploadId"]
                )
        objects = client.get_paginator("list_objects_v2")
        for listed in objects.paginate(Bucket=bucket, Prefix=prefix):
            list(pool.map(remove, [o["Key"] for o in listed.get("Contents", [])]))
