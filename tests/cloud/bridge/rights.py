"""Let policies name the actions of S3 as IAM does, and let two conditions count.

For moto every call is an action of its own, and a statement with a condition on S3 never holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

from flask import has_request_context, request
from moto.iam.access_control import IAMPolicyStatement

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_NAMES = {
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:UploadPartCopy": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CopyObject": "s3:PutObject",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListParts": "s3:ListMultipartUploadParts",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjects": "s3:ListBucket",
    "s3:HeadBucket": "s3:ListBucket",
}


@contextmanager
def installed() -> Iterator[None]:
    """Judge by IAM's names of actions, by `s3:prefix` and by `aws:SourceAccount`."""
    action, conditions = (
        IAMPolicyStatement.is_action_permitted,
        IAMPolicyStatement._check_conditions,
    )

    def permitted(self: IAMPolicyStatement, name: str, *rest: Any, **named: Any) -> Any:
        allowed = action(self, name, *rest, **named)
        known = _NAMES.get(name)
        # Policies of the tests may also use the names of moto.
        if known is None or allowed.name != "NEUTRAL":
            return allowed
        return action(self, known, *rest, **named)

    def holds(self: IAMPolicyStatement, values: Any) -> bool:
        asked = self._statement.get("Condition") or {}
        if set(asked) == {"StringLike"} and set(asked["StringLike"]) == {"s3:prefix"}:
            patterns = asked["StringLike"]["s3:prefix"]
            given = request.args.get("prefix", "") if has_request_context() else ""
            return any(
                fnmatchcase(given, p)
                for p in ([patterns] if isinstance(patterns, str) else patterns)
            )
        if asked == {"StringEquals": {"aws:SourceAccount": "123456789012"}}:
            return True
        return conditions(self, values)

    IAMPolicyStatement.is_action_permitted = permitted  # type: ignore[method-assign]
    IAMPolicyStatement._check_conditions = holds  # type: ignore[method-assign]
    try:
        yield
    finally:
        IAMPolicyStatement.is_action_permitted = action  # type: ignore[method-assign]
        IAMPolicyStatement._check_conditions = conditions  # type: ignore[method-assign]
