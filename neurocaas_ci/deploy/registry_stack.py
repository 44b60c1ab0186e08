"""The registry stack: engines, machines and groups as main has them; no I/O here.

The logical ids of compute environments and launch templates say what they hold. They are never
changed: a change makes a new one beside the old, moves the queue over, and lets the old one go. It
is retained, so that jobs in it run to their end; the watchdog takes it away. Their physical names
are CloudFormation's, because what was retained may be wanted again before it has gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from neurocaas_ci.deploy.access import access_role
from neurocaas_ci.deploy.bank import Machine
from neurocaas_ci.deploy.template import Json, imported, policy, ref, statement, trust
from neurocaas_ci.model.cloud_names import (
    GROUP_TAG,
    IAM_PATH,
    PREFIX,
    TAG,
    budget_name,
    digest,
    group_prefix,
    log_group,
    logical_id,
    role_name,
)
from neurocaas_ci.model.money import enough, microdollars
from neurocaas_ci.model.registry import Group

_HOUR = 3600
_LOG_DAYS = 90
_FARGATE_VCPUS = 4096
_MUTABLE = ("locks", "state")
_ALARMS = ((80, "ACTUAL"), (100, "ACTUAL"), (100, "FORECASTED"))
_WAITS = (
    ("CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", 24 * _HOUR),
    ("MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE", _HOUR),
    ("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", _HOUR),
)
"""Why a job is never going to start, in the words of AWS Batch, and seconds before it is given up."""


def registry_template(
    machines: Iterable[Machine],
    groups: Iterable[Group],
    members: Mapping[str, Sequence[str]] | None = None,
) -> Json:
    """Return the template for a bank and the groups of a registry, whatever their order.

    `members` are the users of a group, who get a role that they can be lent.
    """
    resources: dict[str, Json] = {}
    for machine in machines:
        if machine.serverless:
            environment = _serverless(machine)
        else:
            disk = _launch_template(machine)
            environment = _instances(machine, disk[0])
            resources.setdefault(*disk)
        resources.setdefault(*environment)
        resources[logical_id("queue", machine.queue)] = _queue(machine, environment[0])
    listed = sorted(groups, key=lambda group: group.name)
    for group in listed:
        resources |= _group(group)
        if logins := (members or {}).get(group.name):
            resources[logical_id("access", group.name)] = access_role(group.name, logins)
    resources |= _platform_budget(listed)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "NeuroCAAS-CI: what the registry asks for (engines, groups)",
        "Resources": resources,
        "Outputs": {},
    }


def _launch_template(machine: Machine) -> tuple[str, Json]:
    content = {
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/xvda",
                "Ebs": {
                    "VolumeSize": machine.disk,
                    "VolumeType": "gp3",
                    "Encrypted": True,
                    "DeleteOnTermination": True,
                },
            }
        ],
        # A container is one hop further away than the machine: it never sees the machine's role.
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "InstanceInitiatedShutdownBehavior": "terminate",
    }
    name = f"{PREFIX}-disk-{machine.disk}-{digest(content)}"
    tags = [{"Key": TAG, "Value": "disk"}, {"Key": "Name", "Value": name}]
    resource = {
        "Type": "AWS::EC2::LaunchTemplate",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "LaunchTemplateData": content,
            "TagSpecifications": [{"ResourceType": "launch-template", "Tags": tags}],
        },
    }
    return logical_id("disk", name), resource


def _instances(machine: Machine, launch: str) -> tuple[str, Json]:
    """Return the compute environment of an instance type, by its logical id."""
    save = machine.pricing == "save"
    resources = {
        "Type": "SPOT" if save else "EC2",
        "AllocationStrategy": "SPOT_PRICE_CAPACITY_OPTIMIZED" if save else "BEST_FIT_PROGRESSIVE",
        "MinvCpus": 0,
        "MaxvCpus": machine.vcpus * machine.parallel,
        "InstanceTypes": [machine.hardware],
        "InstanceRole": imported("InstanceProfile"),
        "Ec2Configuration": [{"ImageType": "ECS_AL2023_NVIDIA" if machine.gpus else "ECS_AL2023"}],
        # A launch template is never changed, so its latest version is its only one.
        "LaunchTemplate": {"LaunchTemplateId": ref(launch), "Version": "$Latest"},
        "Tags": {TAG: "machine", "Name": f"{PREFIX}-{machine.hardware}-{machine.pricing}"},
    }
    return _environment(f"{machine.hardware.replace('.', '-')}-{machine.pricing}", resources)


def _serverless(machine: Machine) -> tuple[str, Json]:
    """Return the compute environment that all sizes of Fargate share, by its logical id."""
    resources = {
        "Type": "FARGATE_SPOT" if machine.pricing == "save" else "FARGATE",
        "MaxvCpus": _FARGATE_VCPUS,
    }
    return _environment(f"fargate-{machine.pricing}", resources)


def _environment(kind: str, resources: Json) -> tuple[str, Json]:
    network = {
        "Subnets": {"Fn::Split": [",", imported("Subnets")]},
        "SecurityGroupIds": [imported("SecurityGroup")],
    }
    properties = {
        "Type": "MANAGED",
        "State": "ENABLED",
        "ServiceRole": imported("BatchRole"),
        "ReplaceComputeEnvironment": False,
        "ComputeResources": {**resources, **network},
    }
    name = f"{PREFIX}-{kind}-{digest(properties)}"
    resource = {
        "Type": "AWS::Batch::ComputeEnvironment",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {**properties, "Tags": {TAG: "environment", "Name": name}},
    }
    return logical_id("environment", name), resource


def _queue(machine: Machine, environment: str) -> Json:
    return {
        "Type": "AWS::Batch::JobQueue",
        # No tags: a change of them would replace the queue, whose name is taken.
        "Properties": {
            "JobQueueName": machine.queue,
            "State": "ENABLED",
            "Priority": 1,
            "ComputeEnvironmentOrder": [{"Order": 1, "ComputeEnvironment": ref(environment)}],
            "JobStateTimeLimitActions": [
                {"Action": "CANCEL", "State": "RUNNABLE", "Reason": reason, "MaxTimeSeconds": limit}
                for reason, limit in _WAITS
            ],
        },
    }


def _group(group: Group) -> dict[str, Json]:
    made = {
        logical_id("role", group.name): _group_role(group),
        logical_id("log", group.name): {
            "Type": "AWS::Logs::LogGroup",
            # The log of a run is also kept in the store, with the certificate.
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {
                "LogGroupName": log_group(group.name),
                "RetentionInDays": _LOG_DAYS,
                "Tags": [{"Key": TAG, "Value": "log"}, {"Key": GROUP_TAG, "Value": group.name}],
            },
        },
    }
    if group.budget_usd > 0:
        made[logical_id("budget", group.name)] = _budget(
            budget_name(group.name), group.budget_usd, f"user:{GROUP_TAG}${group.name}"
        )
    return made


def _group_role(group: Group) -> Json:
    prefix = group_prefix(group.name)
    objects = _objects(f"{prefix}*")
    rights = policy(
        statement("Read", ["s3:GetObject", "s3:GetObjectVersion"], objects),
        statement(
            "Write",
            ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
            objects,
        ),
        # Claims and state are taken back; blobs never are.
        statement("TakeBack", ["s3:DeleteObject"], [_objects(f"{prefix}{p}/*") for p in _MUTABLE]),
        statement(
            "List",
            ["s3:ListBucket", "s3:ListBucketMultipartUploads"],
            imported("BucketArn"),
            Condition={"StringLike": {"s3:prefix": f"{prefix}*"}},
        ),
    )
    same_account = {"aws:SourceAccount": ref("AWS::AccountId")}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": role_name(group.name),
            "Path": IAM_PATH,
            "PermissionsBoundary": imported("JobBoundary"),
            "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com", StringEquals=same_account),
            "Policies": [{"PolicyName": PREFIX, "PolicyDocument": rights}],
            "Tags": [{"Key": TAG, "Value": "role"}, {"Key": GROUP_TAG, "Value": group.name}],
        },
    }


def _objects(pattern: str) -> Json:
    return {"Fn::Join": ["", [imported("BucketArn"), f"/{pattern}"]]}


def _platform_budget(groups: Iterable[Group]) -> dict[str, Json]:
    """Return the budget of all groups: machines that groups share carry the tag of none of them."""
    total = sum(group.budget_usd for group in groups)
    if total <= 0:
        return {}
    name = budget_name("all")
    return {logical_id("platform budget"): _budget(f"{name}-groups", total, f"user:{TAG}$machine")}


def _budget(name: str, usd: float, tag: str) -> Json:
    return {
        "Type": "AWS::Budgets::Budget",
        "Properties": {
            "Budget": {
                "BudgetName": name,
                "BudgetType": "COST",
                "TimeUnit": "ANNUALLY",
                "BudgetLimit": {"Amount": float(enough(microdollars(usd))), "Unit": "USD"},
                "CostFilters": {"TagKeyValue": [tag]},
            },
            "NotificationsWithSubscribers": [
                {
                    "Notification": {
                        "NotificationType": kind,
                        "ComparisonOperator": "GREATER_THAN",
                        "Threshold": threshold,
                    },
                    "Subscribers": [{"SubscriptionType": "SNS", "Address": imported("Alarms")}],
                }
                for threshold, kind in _ALARMS
            ],
        },
    }
