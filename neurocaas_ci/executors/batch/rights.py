"""What the workers of one job may do, as a policy of AWS; I/O is not handled here.

All tasks of an array share a job definition, and so a role: a job is the smallest thing that can
have credentials of its own. The size of the policy does not grow with the job.
"""

from __future__ import annotations

import re
from typing import Any

from neurocaas_ci.model.cloud_names import JOB_ROLES, PREFIX
from neurocaas_ci.model.digest import sha256_bytes

_DIGITS = 20
_STREAM = re.compile(r"([^/:*]+/([0-9a-f]{20}))/.+")
_READ = ["s3:GetObject"]
_WRITE = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]


def job_role(store: str, job: str) -> str:
    """Return the name of the role of a job: the same whoever asks, and another in another store."""
    return f"{JOB_ROLES}{sha256_bytes(f'{store} {job}'.encode())[:_DIGITS]}"


def job_limit(role: str) -> str:
    """Return the name of what bounds the runs of the job whose role this is."""
    return f"{PREFIX}-{role.removeprefix(JOB_ROLES)}"


def stream_prefix(user: str, cell: str) -> str:
    """Return what the names of the log streams of a job's workers begin with.

    Jobs that have no cell share theirs with the user's other jobs.
    """
    return f"{user}/{cell}" if cell else user


def cell_of_stream(name: str) -> tuple[str, str] | None:
    """Return prefix and cell of a log stream of a job that has one, else None."""
    match = _STREAM.fullmatch(name)
    return (match[1], match[2]) if match else None


def job_trust(account: str) -> dict[str, Any]:
    """Return the document that lets containers of this account, and nobody else, take the role on."""
    return _policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": account}},
        }
    )


def job_rights(partition: str, bucket: str, prefix: str, job: str, cell: str) -> dict[str, Any]:
    """Return the policy of a job: its cell, its runs, and the environments, which are nobody's.

    Specs of runs are read only; so are environments. What other jobs of the group have is out of
    reach, whatever their digests.
    """
    base = f"{prefix}/" if prefix else ""
    bucket_arn = f"arn:{partition}:s3:::{bucket}"
    cells, runs = f"{base}cells/{cell}/", [f"{base}{p}/jobs/{job}/runs/" for p in _KEPT]
    reads = [cells, f"{base}state/jobs/{job}/", *runs[1:], f"{base}environments/"]
    writes = [cells, *runs]

    def objects(prefixes: list[str]) -> list[str]:
        return [f"{bucket_arn}/{one}*" for one in prefixes]

    return _policy(
        {"Effect": "Allow", "Action": _READ, "Resource": objects(reads)},
        {"Effect": "Allow", "Action": _WRITE, "Resource": objects(writes)},
        # Live logs are taken back; contents never are.
        {"Effect": "Allow", "Action": ["s3:DeleteObject"], "Resource": objects(runs)},
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:ListBucketMultipartUploads"],
            "Resource": bucket_arn,
            "Condition": {"StringLike": {"s3:prefix": [f"{one}*" for one in reads]}},
        },
    )


_KEPT = ("state", "locks")


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
