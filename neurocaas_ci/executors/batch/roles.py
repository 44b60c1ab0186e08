"""Roles of jobs: made before a job's first run, removed after its last one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from neurocaas_ci.executors.batch.client import translated
from neurocaas_ci.executors.batch.rights import job_rights, job_role, job_trust
from neurocaas_ci.model.cloud_names import GROUP_TAG, IAM_PATH, JOB_ROLE_OF, PREFIX, TAG
from neurocaas_ci.stores.s3_cell import cell_id
from neurocaas_ci.stores.s3_client import parse_place

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class Roles(NamedTuple):
    """The roles of jobs of one store in one account.

    `caller` is an ARN of that account; `boundary` is the ARN of the policy that no such role can
    exceed, or empty.
    """

    client: Callable[[], IAMClient]
    caller: str
    store: str
    boundary: str = ""
    group: str | None = None

    def make(self, job: str) -> str:
        """Return the ARN of the role of a job, which has exactly its rights afterwards."""
        _, partition, _, _, account, _ = self.caller.split(":", 5)
        name, iam = job_role(self.store, job), self.client()
        rights = job_rights(partition, *parse_place(self.store), job, cell_id(job))
        asked: dict[str, Any] = {"PermissionsBoundary": self.boundary} if self.boundary else {}
        tags = {TAG: "job-role", **({GROUP_TAG: self.group} if self.group else {})}
        with translated(f"make the role {name} of the job {job}"):
            try:
                arn = iam.create_role(
                    RoleName=name,
                    Path=IAM_PATH,
                    AssumeRolePolicyDocument=json.dumps(job_trust(account)),
                    Description=f"{JOB_ROLE_OF}{job}"[:1000],
                    Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
                    **asked,
                )["Role"]["Arn"]
            except iam.exceptions.EntityAlreadyExistsException:
                arn = iam.get_role(RoleName=name)["Role"]["Arn"]
            iam.put_role_policy(RoleName=name, PolicyName=PREFIX, PolicyDocument=_compact(rights))
        return arn

    def remove(self, job: str) -> None:
        """Remove the role of a job, if there is one; credentials that are out end with it."""
        name, iam = job_role(self.store, job), self.client()
        with translated(f"remove the role {name} of the job {job}"):
            remove_role(iam, name)


def remove_role(iam: IAMClient, name: str) -> None:
    """Remove the role of a job and what it may, if there is one."""
    with suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_role_policy(RoleName=name, PolicyName=PREFIX)
    with suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_role(RoleName=name)


def _compact(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
