"""The roles of the foundation: who deploys, who runs jobs, what machines may; no I/O here."""

from __future__ import annotations

from typing import Any

from neurocaas_ci.deploy.template import Json, att, policy, ref, statement, sub, trust
from neurocaas_ci.model.cloud_names import FOUNDATION, IAM_PATH, PREFIX, REGISTRY, TAG

_HOUR = 3600
_AWS_ROLE = "arn:${AWS::Partition}:iam::aws:policy/service-role/"
_OUR_ROLES = f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role{IAM_PATH}{PREFIX}-"
_GROUP_ROLES = sub(f"{_OUR_ROLES}group-*")
_ROLES_FOR_GROUPS = [_GROUP_ROLES, sub(f"{_OUR_ROLES}access-*")]
_STACK = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/"
_JOB_ROLES = sub(f"{_OUR_ROLES}job-*")
_BATCH = "arn:${AWS::Partition}:batch:${AWS::Region}:${AWS::AccountId}:"
# What CloudFormation's own schemas name for reading these types.
_READ_LOGS = (
    "logs:DescribeLogGroups", "logs:ListTagsForResource", "logs:GetDataProtectionPolicy",
    "logs:DescribeIndexPolicies", "logs:DescribeResourcePolicies",
)  # fmt: skip
_READ_BUDGETS = (
    "budgets:ViewBudget", "budgets:ListTagsForResource", "billing:GetBillingViewData",
)  # fmt: skip


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
        "AuditRole": _role("audit", _workflow(issuer, "environment:audit"), *_looking()),
        "GatherRole": _role("gather", _workflow(issuer, "environment:gather"), *_gather_rights()),
        "RunRole": _role("run", _workflow(issuer, "environment:run"), *_run_rights()),
        "SignRole": _role("sign", _workflow(issuer, "environment:signing"), *_sign_rights()),
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
    """Return the trust in a workflow of main that runs at a place of the repository (`sub` of GitHub).

    An environment that nobody has set up yet is open to every branch, so the branch is asked for too.
    """
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
            "StringEquals": {
                f"{issuer}:aud": "sts.amazonaws.com",
                f"{issuer}:sub": subjects,
                f"{issuer}:ref": "refs/heads/main",
            }
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
                  _ROLES_FOR_GROUPS, Condition=bounded),
        statement("KeepGroupRoles", ["iam:GetRole", "iam:GetRolePolicy", "iam:DeleteRole",
                                     "iam:DeleteRolePolicy", "iam:TagRole", "iam:UntagRole",
                                     "iam:UpdateRole", "iam:UpdateAssumeRolePolicy",
                                     "iam:ListRolePolicies", "iam:ListAttachedRolePolicies"],
                  _ROLES_FOR_GROUPS),
        statement("PassMachineRoles", ["iam:PassRole"],
                  [att("BatchRole", "Arn"), att("InstanceRole", "Arn")], Condition=passed),
        statement("Logs", ["logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:PutRetentionPolicy",
                           "logs:DeleteRetentionPolicy", "logs:TagResource", "logs:UntagResource",
                           *_READ_LOGS], "*"),
        statement("Budgets", ["budgets:ModifyBudget", "budgets:TagResource",
                              "budgets:UntagResource", *_READ_BUDGETS], "*"),
        statement("Template", ["s3:GetObject"], sub("${Bucket.Arn}/deploy/*")),
    ]  # fmt: skip


def _deploy_rights() -> list[Json]:
    """Return what `neurocaas deploy` calls itself: change sets, looking, and the watchdog."""
    tagged = {"Null": {f"aws:ResourceTag/{TAG}": "false"}}
    to_stack = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    return [
        statement("Stack", ["cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet",
                            "cloudformation:DeleteChangeSet", "cloudformation:DeleteStack",
                            "cloudformation:ContinueUpdateRollback",
                            "cloudformation:UpdateTerminationProtection"],
                  sub(f"{_STACK}{REGISTRY}/*")),
        *_looking(),
        statement("Hand", ["iam:PassRole"], att("CloudFormationRole", "Arn"), Condition=to_stack),
        statement("Template", ["s3:PutObject", "s3:GetObject"], sub("${Bucket.Arn}/deploy/*")),
        statement("EndJobs", ["batch:TerminateJob", "batch:CancelJob"], sub(f"{_BATCH}job/*")),
        statement("EndJobRoles", ["iam:DeleteRole", "iam:DeleteRolePolicy"], _JOB_ROLES),
        statement("FindCells", ["s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
                  att("Bucket", "Arn")),
        statement("EndCells", ["s3:DeleteObject", "s3:DeleteObjectVersion",
                               "s3:AbortMultipartUpload"],
                  sub("${Bucket.Arn}/groups/*/cells/*")),
        statement("EndLogs", ["logs:DescribeLogStreams", "logs:DeleteLogStream"],
                  sub("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:"
                      f"/{PREFIX}/groups/*")),
        statement("EndDefinitions", ["batch:DeregisterJobDefinition",
                                     "batch:DeleteConsumableResource"],
                  [sub(f"{_BATCH}{kind}/{PREFIX}-*")
                   for kind in ("job-definition", "consumable-resource")]),
        statement("EndOurs", ["batch:UpdateComputeEnvironment", "batch:DeleteComputeEnvironment",
                              "ec2:DeleteLaunchTemplate", "ec2:TerminateInstances"],
                  "*", Condition=tagged),
    ]  # fmt: skip


def _sign_rights() -> list[Json]:
    """Return what signing needs: records of jobs to read, and certificates to keep beside them.

    Neither datasets nor results are among it: a certificate names them by what the records say.
    """
    jobs = "${Bucket.Arn}/groups/*/%s/jobs/*"
    kept = [sub(f"{jobs % kind}/certificate.sigstore.json") for kind in ("state", "locks")]
    return [
        statement("Read", ["s3:GetObject"], [sub(jobs % kind) for kind in ("state", "locks")]),
        statement("Keep", ["s3:PutObject"], kept),
        # Without it S3 does not say that something is missing, but that it may not be read.
        statement("List", ["s3:ListBucket"], att("Bucket", "Arn")),
    ]


def _gather_rights() -> list[Json]:
    """Return what taking a sample for replays needs: contents of groups to read, and nothing to write.

    Records, logs under way and names are not among it: a certificate says what a replay reads.
    """
    return [
        statement("Read", ["s3:GetObject"], sub("${Bucket.Arn}/groups/*/blobs/*")),
        # Without it S3 does not say that something is missing, but that it may not be read.
        statement("List", ["s3:ListBucket"], att("Bucket", "Arn")),
    ]


def _looking() -> list[Json]:
    """Return what finding drift asks for: what CloudFormation reads of each type, and the audit.

    Contents of the bucket are not among it, nor anything that changes.
    """
    return [
        statement("Look", ["cloudformation:Describe*", "cloudformation:List*",
                           "cloudformation:GetTemplate", "cloudformation:Detect*"],
                  [sub(f"{_STACK}{REGISTRY}/*"), sub(f"{_STACK}{FOUNDATION}/*")]),
        statement("LookAround", ["cloudformation:DescribeStackDriftDetectionStatus",
                                 "cloudformation:BatchDescribeTypeConfigurations",
                                 "cloudformation:ListExports", "batch:Describe*", "batch:List*",
                                 "ec2:Describe*", "ecs:Describe*", "ecs:List*",
                                 "iam:GetInstanceProfile", "iam:GetOpenIDConnectProvider",
                                 "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole",
                                 "iam:GetRolePolicy", "iam:ListAttachedRolePolicies",
                                 "iam:ListEntitiesForPolicy", "iam:ListRolePolicies",
                                 "iam:ListRoles", *_READ_LOGS, *_READ_BUDGETS,
                                 "sns:GetDataProtectionPolicy", "sns:GetSubscriptionAttributes",
                                 "sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic",
                                 "sns:ListTagsForResource", "tag:GetResources"], "*"),
        statement("LookAtBucket", ["s3:GetBucket*", "s3:Get*Configuration", "s3:ListBucket",
                                   "s3:ListTagsForResource"], att("Bucket", "Arn")),
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
