"""What a user may do in the part of the store that is the group's, as statements of IAM; no I/O here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurocaas_ci.model.cloud_names import group_prefix

_READ = ["s3:GetObject", "s3:GetObjectVersion"]
_WRITE = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
# Contents, and the names under which they are found; never what runs and jobs have recorded.
_WRITABLE = ("blobs/*", "state/names/*")


def user_rights(
    group: str,
    bucket: Any,
    objects: Callable[[str], Any],
    *,
    write: bool = True,
    store: str = "",
    **condition: Any,
) -> list[dict[str, Any]]:
    """Return the statements: read all of the group's part, and put datasets there.

    `bucket` is the bucket's ARN, `objects` makes that of a pattern of keys, `store` is the prefix of
    the store in the bucket. `condition` is put on every statement.
    """
    prefix = f"{store}/{group_prefix(group)}" if store else group_prefix(group)
    when = {"Condition": condition} if condition else {}
    listing = {
        **condition,
        "StringLike": {**condition.get("StringLike", {}), "s3:prefix": f"{prefix}*"},
    }
    statements: list[dict[str, Any]] = [
        {
            "Sid": "Read",
            "Effect": "Allow",
            "Action": _READ,
            "Resource": objects(f"{prefix}*"),
            **when,
        },
        {
            "Sid": "List",
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": bucket,
            "Condition": listing,
        },
    ]
    if write:
        places = [objects(f"{prefix}{place}") for place in _WRITABLE]
        statements.append(
            {"Sid": "Put", "Effect": "Allow", "Action": _WRITE, "Resource": places, **when}
        )
    return statements
