"""The roles of the foundation: who deploys, who runs jobs, what machines may; no I/O here."""

from __future__ import annotations

from typing import Any

from neurocaas_ci.deploy.template import Json, att, policy, ref, statement, sub, trust
from neurocaas_ci.model.cloud_names import FOUNDATION, IAM_PATH, PREFIX, REGISTRY, TAG

_HOUR = 3600
_AWS_ROLE = "arn:${AWS::Partition}:iam::aws:policy/service-role/"
_OUR_ROLES = f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role{IAM_PATH}{PREFIX}-"
_GROUP_ROLES = sub(f"{_OUR_ROLES}group-*")
_JOB_ROLES = sub(f"{_OUR_ROLES}job-*")
_BATCH = "arn:${AWS::Partition}:batch:${AWS::Region}:${AWS::AccountId}:"


def roles(issuer: str) -> dict[str, Json]:
    """Return all roles; those for GitHub trust the tokens of `issuer` (a host)."""
    return {
        "JobBoundary": _boundary(),
        "BatchRole": _service("batch", trust("batch.amazonaws.com"), "AWSBatchServiceRole"),
        "ExecutionRole": _service(
            "execution", trust("ecs-tasks.amazonaws.com"), "AmazonECSTaskExecutionRolePolicy"
        ),
        "InstanceRole": _service(
            "instance", trust("ec2.amazonaws.com"), "AmazonEC2ContainerServiceforEC2Role"
        ),
        "InstanceProfile": {
            "Type": "AWS::IAM::InstanceProfile",
            "Properties": {"Path": IAM_PATH, "Roles": [ref("InstanceRole")]},
        },
        "CloudFormationRole": _role(
            "cloudformation", trust("cloudformation.amazonaws.com"), *_stack_rights()
        ),
        "DeployRole": _role("deploy", _workflow(issuer, "environment:deploy"), *_deploy_rights()),
        "RunRole": _role("run", _workflow(issuer, "ref:refs/heads/main"), *_run_rights()),
    }


def _role(name: str, who: Json, *statements: Json) -> Json:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": f"{PREFIX}-{name}",
            "Path": IAM_PATH,
            "MaxSessionDuration": _HOUR,
            "AssumeRolePolicyDocument": who,
            "Policies": [{"PolicyName": PREFIX, "PolicyDocument": policy(*statements)}],
        },
    }


def _service(name: str, who: Json, managed: str) -> Json:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": f"{PREFIX}-{name}",
            "Path": IAM_PATH,
            "AssumeRolePolicyDocument": who,
            "ManagedPolicyArns": [sub(_AWS_ROLE + managed)],
        },
    }


def _workflow(issuer: str, place: str) -> Json:
    """Return the trust in a workflow of the repository that runs at a place (`sub` of GitHub)."""
    current: Any = sub(f"repo:${{Subject}}:{place}")
    former = sub(f"repo:${{FormerSubject}}:{place}")
    no_value = ref("AWS::NoValue")
    subjects = [current, {"Fn::If": ["HasFormer", former, no_value]}]
    provider = {"Fn::If": ["MakesProvider", ref("Provider"), ref("OidcProvider")]}
    entry = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subjects}
        },
    }
    return policy(entry)


def _boundary() -> Json:
    """Return the most that any role of a group can ever have, whatever its own policy says."""
    document = policy(
        statement("Data", ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject",
                           "s3:DeleteObject", "s3:AbortMultipartUpload",
                           "s3:ListMultipartUploadParts"], sub("${Bucket.Arn}/groups/*")),
        statement("List", ["s3:ListBucket", "s3:ListBucketMultipartUploads"],
                  att("Bucket", "Arn")),
    )  # fmt: skip
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "ManagedPolicyName": f"{PREFIX}-job-boundary",
            "Path": IAM_PATH,
            "PolicyDocument": document,
        },
    }


def _stack_rights() -> list[Json]:
    """Return what the registry stack needs to make its resources; nothing of the foundation."""
    bounded = {"StringEquals": {"iam:PermissionsBoundary": ref("JobBoundary")}}
    passed = {"StringEquals": {"iam:PassedToService": ["batch.amazonaws.com", "ec2.amazonaws.com"]}}
    return [
        statement("Engines", ["batch:*JobQueue*", "batch:*ComputeEnvironment*",
                              "batch:TagResource", "batch:UntagResource"], "*"),
        statement("Machines", ["ec2:*LaunchTemplate*", "ec2:CreateTags", "ec2:DescribeSubnets",
                               "ec2:DescribeSecurityGroups", "ec2:DescribeInstanceTypes"], "*"),
        statement("MakeGroupRoles", ["iam:CreateRole", "iam:PutRolePolicy",
                                     "iam:PutRolePermissionsBoundary"],
                  _GROUP_ROLES, Condition=bounded),
        statement("KeepGroupRoles", ["iam:GetRole", "iam:GetRolePolicy", "iam:DeleteRole",
                                     "iam:DeleteRolePolicy", "iam:TagRole", "iam:UntagRole",
                                     "iam:UpdateRole", "iam:UpdateAssumeRolePolicy",
                                     "iam:ListRolePolicies", "iam:ListAttachedRolePolicies"],
                  _GROUP_ROLES),
        statement("PassMachineRoles", ["iam:PassRole"],
                  [att("BatchRole", "Arn"), att("InstanceRole", "Arn")], Condition=passed),
        statement("Logs", ["logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:PutRetentionPolicy",
                           "logs:DescribeLogGroups", "logs:TagResource", "logs:UntagResource",
                           "logs:ListTagsForResource"], "*"),
        statement("Budgets", ["budgets:ViewBudget", "budgets:ModifyBudget", "budgets:TagResource",
                              "budgets:UntagResource", "budgets:ListTagsForResource"], "*"),
        statement("Template", ["s3:GetObject"], sub("${Bucket.Arn}/deploy/*")),
    ]  # fmt: skip


def _deploy_rights() -> list[Json]:
    """Return what `neurocaas deploy` calls itself: change sets, looking, and the watchdog."""
    stack = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/"
    tagged = {"Null": {f"aws:ResourceTag/{TAG}": "false"}}
    to_stack = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    return [
        statement("Stack", ["cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet",
                            "cloudformation:DeleteChangeSet", "cloudformation:DeleteStack",
                            "cloudformation:ContinueUpdateRollback",
                            "cloudformation:UpdateTerminationProtection"],
                  sub(f"{stack}{REGISTRY}/*")),
        statement("Look", ["cloudformation:Describe*", "cloudformation:List*",
                           "cloudformation:GetTemplate", "cloudformation:Detect*"],
                  [sub(f"{stack}{REGISTRY}/*"), sub(f"{stack}{FOUNDATION}/*")]),
        statement("LookAround", ["cloudformation:DescribeStackDriftDetectionStatus",
                                 "cloudformation:ListExports", "batch:Describe*", "batch:List*",
                                 "ec2:Describe*", "ecs:Describe*", "ecs:List*", "iam:GetRole",
                                 "iam:GetRolePolicy", "iam:ListRoles", "iam:ListRolePolicies",
                                 "iam:ListAttachedRolePolicies", "logs:DescribeLogGroups",
                                 "logs:ListTagsForResource", "budgets:ViewBudget",
                                 "s3:GetBucket*", "s3:GetEncryptionConfiguration",
                                 "s3:GetLifecycleConfiguration", "sns:GetTopicAttributes",
                                 "tag:GetResources"], "*"),
        statement("Hand", ["iam:PassRole"], att("CloudFormationRole", "Arn"), Condition=to_stack),
        statement("Template", ["s3:PutObject", "s3:GetObject"], sub("${Bucket.Arn}/deploy/*")),
        statement("EndJobs", ["batch:TerminateJob", "batch:CancelJob"], sub(f"{_BATCH}job/*")),
        statement("EndOurs", ["batch:UpdateComputeEnvironment", "batch:DeleteComputeEnvironment",
                              "ec2:DeleteLaunchTemplate", "ec2:TerminateInstances"],
                  "*", Condition=tagged),
    ]  # fmt: skip


def _run_rights() -> list[Json]:
    """Return what the reconciler of jobs calls: submit, watch, stage."""
    bounded = {"StringEquals": {"iam:PermissionsBoundary": ref("JobBoundary")}}
    to_tasks = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    engine = [
        f"{kind}/{PREFIX}-*" for kind in ("job-definition", "job-queue", "consumable-resource")
    ]
    return [
        statement("Submit", ["batch:SubmitJob", "batch:RegisterJobDefinition",
                             "batch:DeregisterJobDefinition", "batch:TagResource",
                             "batch:CreateConsumableResource", "batch:DeleteConsumableResource",
                             "batch:DescribeConsumableResource"],
                  [sub(_BATCH + name) for name in engine]),
        statement("End", ["batch:TerminateJob", "batch:CancelJob"], sub(f"{_BATCH}job/*")),
        statement("Watch", ["batch:Describe*", "batch:List*", "ec2:DescribeInstances",
                            "ecs:DescribeContainerInstances"], "*"),
        statement("Hand", ["iam:PassRole"], [_GROUP_ROLES, _JOB_ROLES, att("ExecutionRole", "Arn")],
                  Condition=to_tasks),
        # A job has a role of its own for as long as it runs, and none beyond the boundary.
        statement("MakeJobRoles", ["iam:CreateRole", "iam:PutRolePolicy"], _JOB_ROLES,
                  Condition=bounded),
        statement("EndJobRoles", ["iam:GetRole", "iam:DeleteRole", "iam:DeleteRolePolicy",
                                  "iam:TagRole"], _JOB_ROLES),
        statement("Logs", ["logs:GetLogEvents", "logs:FilterLogEvents"],
                  sub("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:"
                      f"/{PREFIX}/*")),
        statement("Data", ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject",
                           "s3:DeleteObjectVersion", "s3:AbortMultipartUpload",
                           "s3:ListMultipartUploadParts"], sub("${Bucket.Arn}/*")),
        statement("List", ["s3:ListBucket", "s3:ListBucketVersions",
                           "s3:ListBucketMultipartUploads"], att("Bucket", "Arn")),
    ]  # fmt: skip
