"""The port that finds drift: CloudFormation's own detection, and an inventory of what it ignores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from neurocaas_ci.deploy.apply import Clock
from neurocaas_ci.deploy.aws.cloudformation import template_of
from neurocaas_ci.deploy.aws.session import Clients, code_of, pages, talking
from neurocaas_ci.deploy.inventory import (
    Role,
    Tagged,
    audit_doors,
    audit_roles,
    audit_tagged,
    declared_roles,
)
from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.model.cloud_names import IAM_PATH, JOB_ROLES, PREFIX, TAG
from neurocaas_ci.model.deploy import Drifted

_PATIENCE = 600.0
_PAUSE = 2.0
_MOST_VALUE = 120
_KINDS = ("AWS::EC2::SecurityGroup",)


class CloudAuditor:
    """Compares an account with what was deployed to it."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock

    def drifted(self, stacks: Sequence[str]) -> Sequence[Drifted]:
        """Return what is not as the stacks say; stacks that do not exist are left out."""
        with talking("drift"):
            there = [stack for stack in stacks if self._exists(stack)]
            found = [item for stack in there for item in self._detected(stack)]
            resources = [r for stack in there for r in self._resources(stack)]
            templates = [template_of(self._clients, stack) for stack in there]
            found += audit_roles(self._roles(), declared_roles(templates))
            found += audit_tagged(self._tagged(), [r["PhysicalResourceId"] for r in resources])
            found += audit_doors(self._doors(resources))
        return found

    def _exists(self, stack: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            self._clients.get("cloudformation").describe_stacks(StackName=stack)
        except ClientError as error:
            if code_of(error) == "ValidationError":
                return False
            raise
        return True

    def _detected(self, stack: str) -> Iterator[Drifted]:
        api = self._clients.get("cloudformation")
        detection = api.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
        end = self._clock.now() + _PATIENCE
        while True:
            status = api.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
            if status["DetectionStatus"] != "DETECTION_IN_PROGRESS":
                break
            if self._clock.now() >= end:
                raise BackendUnavailableError(
                    f"CloudFormation has been looking for drift for {_PATIENCE:.0f} seconds",
                    where=stack,
                    hint="try again later",
                )
            self._clock.sleep(_PAUSE)
        if status["DetectionStatus"] == "DETECTION_FAILED":
            # Some resources could not be looked at; the others were, and are reported below.
            yield Drifted("changed", stack, f"not all could be compared: {_reason(status)}")
        token: dict[str, str] = {}
        while True:
            page = api.describe_stack_resource_drifts(
                StackName=stack, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"], **token
            )
            for drift in page["StackResourceDrifts"]:
                yield from _differences(drift)
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _resources(self, stack: str) -> list[dict[str, Any]]:
        api = self._clients.get("cloudformation")
        found = pages(api, "list_stack_resources", "StackResourceSummaries", StackName=stack)
        return [resource for resource in found if resource.get("PhysicalResourceId")]

    def _roles(self) -> Iterator[Role]:
        api = self._clients.get("iam")
        for role in pages(api, "list_roles", "Roles", PathPrefix=IAM_PATH):
            name = role["RoleName"]
            # A listing of roles does not say what bounds them.
            boundary = api.get_role(RoleName=name)["Role"].get("PermissionsBoundary", {})
            attached = pages(api, "list_attached_role_policies", "AttachedPolicies", RoleName=name)
            found = Role(
                name,
                tuple(pages(api, "list_role_policies", "PolicyNames", RoleName=name)),
                tuple(policy["PolicyArn"] for policy in attached),
                boundary.get("PermissionsBoundaryArn", ""),
            )
            if not _of_a_job(found):
                yield found

    def _tagged(self) -> Iterator[Tagged]:
        api = self._clients.get("resourcegroupstaggingapi")
        filters = [{"Key": TAG}]
        for item in pages(api, "get_resources", "ResourceTagMappingList", TagFilters=filters):
            # Roles are looked at by their path; this listing has them in one region only.
            if ":iam:" not in item["ResourceARN"]:
                tags = {tag["Key"]: tag["Value"] for tag in item["Tags"]}
                yield Tagged(item["ResourceARN"], tags.get(TAG, ""))

    def _doors(self, resources: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, list[str]]]:
        ids = [r["PhysicalResourceId"] for r in resources if r["ResourceType"] in _KINDS]
        if not ids:
            return
        api = self._clients.get("ec2")
        filters = [{"Name": "group-id", "Values": ids}]
        for group in pages(api, "describe_security_groups", "SecurityGroups", Filters=filters):
            rules = [_rule(rule) for rule in group.get("IpPermissions", ())]
            yield group["GroupId"], group["GroupName"], rules


def _differences(drift: dict[str, Any]) -> Iterator[Drifted]:
    what = f"{drift['ResourceType']} {drift.get('PhysicalResourceId', drift['LogicalResourceId'])}"
    if drift["StackResourceDriftStatus"] == "DELETED":
        yield Drifted("deleted", what, "is in the stack and not in the account")
    for change in drift.get("PropertyDifferences", ()):
        was, now = _cut(change.get("ExpectedValue")), _cut(change.get("ActualValue"))
        yield Drifted("changed", what, f"{change['PropertyPath']} is {now}, should be {was}")


def _rule(rule: dict[str, Any]) -> str:
    ports = f"{rule.get('FromPort', 'any')}-{rule.get('ToPort', 'any')}"
    sources = [entry.get("CidrIp", "?") for entry in rule.get("IpRanges", ())]
    sources += [entry.get("CidrIpv6", "?") for entry in rule.get("Ipv6Ranges", ())]
    sources += [entry.get("GroupId", "?") for entry in rule.get("UserIdGroupPairs", ())]
    return f"{rule.get('IpProtocol', 'any')} {ports} from {' '.join(sources) or 'somewhere'}"


def _reason(status: dict[str, Any]) -> str:
    return str(status.get("DetectionStatusReason", "no reason given"))


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _MOST_VALUE else f"{text[:_MOST_VALUE]}..."


def _of_a_job(role: Role) -> bool:
    """Tell whether a role is one that the runner makes for a job, and is no more than that."""
    return (
        role.name.startswith(JOB_ROLES)
        and set(role.inline) <= {PREFIX}
        and not role.attached
        and role.boundary.endswith(f"{IAM_PATH}{PREFIX}-job-boundary")
    )
