"""The role that users of a group take on, for hours; no I/O here.

A session of it is named after its user, and the role's policy lists the names that count: those who
are members of the group on main. Who is taken out by a commit is taken out of the policy when that
is deployed, which ends what sessions are open as well, for AWS asks the policy at each request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from neurocaas_ci.deploy.template import Json, imported, policy, ref
from neurocaas_ci.model.cloud_names import (
    ACCESS_HOURS,
    GROUP_TAG,
    IAM_PATH,
    PREFIX,
    TAG,
    access_role_name,
)
from neurocaas_ci.model.cloud_rights import user_rights
from neurocaas_ci.model.registry import Group, User

MOST_NAMES = 9_000
"""Characters of names in the policy of a role, of 10,240 that IAM takes in all."""

_STATEMENTS = 3
_HOUR = 3600


def members(groups: Iterable[Group], users: Iterable[User]) -> dict[str, tuple[str, ...]]:
    """Return by group who belongs to it, as the files of both sides say."""
    own = {user.login: frozenset(user.groups) for user in users}
    return {
        group.name: tuple(sorted(x for x in group.members if group.name in own.get(x, ())))
        for group in groups
    }


def crowded(belonging: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what is wrong with groups that have more members than a role can name."""
    return [
        f"registry/groups/{name}.yaml: the names of {len(logins)} members are too long for one policy "
        "of AWS; make two groups of it"
        for name, logins in sorted(belonging.items())
        if _STATEMENTS * sum(len(_session(login)) + 3 for login in logins) > MOST_NAMES
    ]


def access_role(group: str, logins: Sequence[str]) -> Json:
    """Return the role for the members of a group, of whom there is at least one."""
    rights = user_rights(
        group,
        imported("BucketArn"),
        lambda pattern: {"Fn::Join": ["", [imported("BucketArn"), f"/{pattern}"]]},
        StringLike={"aws:userid": [_session(login) for login in logins]},
    )
    who = {
        "Effect": "Allow",
        "Principal": {
            "AWS": {"Fn::Join": ["", ["arn:", ref("AWS::Partition"), ":iam::",
                                      ref("AWS::AccountId"), ":root"]]}
        },
        "Action": "sts:AssumeRole",
    }  # fmt: skip
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": access_role_name(group),
            "Path": IAM_PATH,
            "MaxSessionDuration": ACCESS_HOURS * _HOUR,
            "PermissionsBoundary": imported("JobBoundary"),
            "AssumeRolePolicyDocument": policy(who),
            "Policies": [{"PolicyName": PREFIX, "PolicyDocument": policy(*rights)}],
            "Tags": [{"Key": TAG, "Value": "role"}, {"Key": GROUP_TAG, "Value": group}],
        },
    }


def _session(login: str) -> str:
    """Return the pattern of `aws:userid` in sessions of a name: the role's id, a colon, the name."""
    return f"*:{login}"
