"""Remove what is below a prefix of a bucket, with all its versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from neurocaas_ci.stores.s3_client import S3Place
from neurocaas_ci.stores.s3_errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_AT_ONCE = 16


def clear(place: S3Place, client: S3Client) -> None:
    """Remove everything of a store, and the uploads that were not completed.

    Raise BackendUnavailableError when S3 cannot be asked; what is left then can be cleared again.
    """
    bucket, prefix = place.bucket, f"{place.prefix}/"
    with translated(place.uri(prefix)):
        uploads = client.get_paginator("list_multipart_uploads")
        for page in uploads.paginate(Bucket=bucket, Prefix=prefix):
            for found in page.get("Uploads", []):
                client.abort_multipart_upload(
                    Bucket=bucket, Key=found["Key"], UploadId=found["UploadId"]
                )
        for some in _versions(place, client, prefix):
            _remove(place, client, some)


def erase_versions(place: S3Place, client: S3Client, key: str) -> None:
    """Remove one object with all its versions and delete markers, if it is there."""
    with translated(place.uri(key)):
        for some in _versions(place, client, key):
            _remove(place, client, [one for one in some if one["Key"] == key])


def is_empty(place: S3Place, client: S3Client) -> bool:
    """Tell whether there is no object below the prefix, old versions left aside."""
    with translated(place.uri(place.prefix)):
        found = client.list_objects_v2(Bucket=place.bucket, Prefix=f"{place.prefix}/", MaxKeys=1)
    return not found.get("Contents")


def _versions(
    place: S3Place, client: S3Client, prefix: str
) -> Iterator[list[ObjectIdentifierTypeDef]]:
    pages = client.get_paginator("list_object_versions")
    for page in pages.paginate(Bucket=place.bucket, Prefix=prefix):
        found: list[ObjectIdentifierTypeDef] = [
            {"Key": one["Key"], "VersionId": one["VersionId"]}
            for one in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
        ]
        if found:
            yield found


def _remove(place: S3Place, client: S3Client, objects: Sequence[ObjectIdentifierTypeDef]) -> None:
    def remove(one: ObjectIdentifierTypeDef) -> None:
        client.delete_object(Bucket=place.bucket, Key=one["Key"], VersionId=one["VersionId"])

    # Deleting costs nothing, and is judged object by object either way.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(remove, objects))
