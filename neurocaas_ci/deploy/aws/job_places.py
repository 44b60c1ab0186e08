"""Cells of jobs in the bucket, and streams of their workers' logs: found by name, ended as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from neurocaas_ci.deploy.aws.session import Clients, code_of, pages
from neurocaas_ci.deploy.leftover import CellSeen, Concluded, LogsSeen
from neurocaas_ci.executors.batch.client import remove_streams
from neurocaas_ci.executors.batch.rights import cell_of_stream, job_role
from neurocaas_ci.model.cloud_names import log_group
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.stores.s3_blobs import S3Blobs
from neurocaas_ci.stores.s3_cell import CELLS, cell_place
from neurocaas_ci.stores.s3_clear import clear
from neurocaas_ci.stores.s3_client import S3Place, parse_place

_GROUPS = "groups/"
_CELL = re.compile(rf"groups/[a-z0-9-]+/{CELLS}/[0-9a-f]{{20}}")
_CONTENT = re.compile(r".*/contents/sha256/[0-9a-f]{2}/([0-9a-f]{64})")


def cells(
    clients: Clients, bucket: str, concluded: Concluded, busy: AbstractSet[str]
) -> Iterator[CellSeen]:
    """Yield the cells of jobs whose certificate is there; of others nothing is even looked at.

    `busy` is what jobs of the engine use that have not ended (job_roles.busy).
    """
    s3 = clients.get("s3")
    for group in _folders(s3, bucket, _GROUPS):
        store = S3Place(bucket, f"{_GROUPS}{group}")
        for cell in _folders(s3, bucket, f"{store.key(CELLS)}/"):
            job = concluded.certified.get(cell, "")
            results = concluded.results(job) if job else None
            if results is None:
                continue
            place = cell_place(store, cell)
            newest, inside = _contents(s3, place)
            lost = [
                digest
                for digest in sorted(inside & set(results.values()))
                if not _has(s3, store, digest)
            ]
            role = job_role(f"s3://{bucket}/{store.prefix}", job)
            yield CellSeen(f"s3://{bucket}/{place.prefix}", job, newest, len(lost), role in busy)


def end_cell(clients: Clients, name: str) -> None:
    """Remove a cell with all versions of what is in it; nothing else can be named."""
    place = parse_place(name)
    if not _CELL.fullmatch(place.prefix):
        raise ValueError(f"{name} is no cell")
    clear(place, clients.get("s3"))


def logs(
    clients: Clients, bucket: str, concluded: Concluded, busy: AbstractSet[str]
) -> Iterator[LogsSeen]:
    """Yield the streams of jobs whose certificate is there, all of a job's together."""
    api, s3 = clients.get("logs"), clients.get("s3")
    first = log_group("")
    for found in pages(api, "describe_log_groups", "logGroups", logGroupNamePrefix=first):
        name = str(found["logGroupName"])
        store = S3Place(bucket, f"{_GROUPS}{name.removeprefix(first)}")
        newest: dict[tuple[str, str], float] = {}
        for stream in pages(api, "describe_log_streams", "logStreams", logGroupName=name):
            if (of := cell_of_stream(stream["logStreamName"])) and of[1] in concluded.certified:
                at = float(stream.get("lastEventTimestamp") or stream["creationTime"]) / 1000
                newest[of] = max(newest.get(of, 0.0), at)
        for (prefix, cell), at in newest.items():
            job = concluded.certified[cell]
            if concluded.results(job) is None:
                continue
            role = job_role(f"s3://{bucket}/{store.prefix}", job)
            home = _logs_are_home(s3, store, concluded, job)
            used = not busy.isdisjoint({role, f"{name}:{prefix}"})
            yield LogsSeen(f"{name}:{prefix}", job, at, home, used)


def end_logs(clients: Clients, name: str) -> None:
    """Remove the streams of a job, named by log group and the start of their names."""
    group, _, prefix = name.partition(":")
    remove_streams(clients.get("logs"), group, prefix)


def _logs_are_home(s3: Any, store: S3Place, concluded: Concluded, job: str) -> bool:
    """Tell whether the store has the log of every run of a job, as the certificate names it."""
    wanted = concluded.logs(job)
    return all(digest is not None and _has(s3, store, digest) for digest in wanted.values())


def _contents(s3: Any, place: S3Place) -> tuple[float, set[Sha256]]:
    """Return when a cell was last written to (seconds since 1970), and the digests that are in it."""
    newest, inside = 0.0, set[Sha256]()
    listed = s3.get_paginator("list_object_versions")
    for page in listed.paginate(Bucket=place.bucket, Prefix=f"{place.prefix}/"):
        for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            newest = max(newest, one["LastModified"].timestamp())
            if match := _CONTENT.fullmatch(one["Key"]):
                inside.add(Sha256(match[1]))
    return newest, inside


def _has(s3: Any, store: S3Place, digest: Sha256) -> bool:
    """Tell whether the store has a content; that takes no right to read it."""
    key = S3Blobs(*store, s3).key(digest)
    found = s3.list_objects_v2(Bucket=store.bucket, Prefix=key, MaxKeys=1)
    return any(one["Key"] == key for one in found.get("Contents", ()))


def _folders(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    """Yield the names of what is directly below a prefix, old versions counted; nothing without a bucket."""
    from botocore.exceptions import ClientError

    try:
        listed = s3.get_paginator("list_object_versions")
        for page in listed.paginate(Bucket=bucket, Prefix=prefix, Delimiter="/"):
            for one in page.get("CommonPrefixes", ()):
                yield str(one["Prefix"]).removeprefix(prefix).rstrip("/")
    except ClientError as error:
        if code_of(error) != "NoSuchBucket":
            raise
