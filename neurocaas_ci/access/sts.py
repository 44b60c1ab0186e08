"""Lend a session of a group's role for users, by AWS STS."""

from __future__ import annotations

import json
from typing import Any

from neurocaas_ci.access.lent import Lent, utc
from neurocaas_ci.deploy.aws.session import Clients, talking
from neurocaas_ci.model.cloud_names import IAM_PATH, access_role_name
from neurocaas_ci.model.cloud_rights import user_rights
from neurocaas_ci.stores.s3_client import S3Place

_HOUR = 3600


def lend(
    clients: Clients, place: S3Place, login: str, group: str, hours: int, *, write: bool
) -> Lent:
    """Return credentials that reach the group's part of a store, and nothing else, for some hours.

    The session is named after the user: the role's policy lists the users that count. What it may do
    is bounded a second time by the policy of the session. Raise UsageError when AWS does not allow it.
    """
    name = access_role_name(group)
    with talking(f"role {name}"):
        sts = clients.get("sts")
        arn = sts.get_caller_identity()["Arn"]
        _, partition, _, _, account, _ = arn.split(":", 5)
        answer = sts.assume_role(
            RoleArn=f"arn:{partition}:iam::{account}:role{IAM_PATH}{name}",
            RoleSessionName=login,
            DurationSeconds=hours * _HOUR,
            Policy=_session_policy(partition, place, group, write=write),
        )
    found = answer["Credentials"]
    # Where an operator talks to a stand-in or to a private endpoint, so does the user.
    endpoint = sts.meta.endpoint_url if _is_own(sts) else ""
    return Lent(
        login=login,
        group=group,
        store=place.uri("")[:-1] if not place.prefix else place.uri(place.prefix),
        region=sts.meta.region_name,
        key=found["AccessKeyId"],
        secret=found["SecretAccessKey"],
        token=found["SessionToken"],
        expires=utc(found["Expiration"]),
        endpoint=endpoint,
    )


def _session_policy(partition: str, place: S3Place, group: str, *, write: bool) -> str:
    bucket = f"arn:{partition}:s3:::{place.bucket}"
    statements = user_rights(
        group, bucket, lambda pattern: f"{bucket}/{pattern}", write=write, store=place.prefix
    )
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def _is_own(client: Any) -> bool:
    return ".amazonaws.com" not in client.meta.endpoint_url
