"""Drift, as a second emulator detects it, and what it does not look at."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from cloudformation import client
from deploy_world import commit, small
from second_opinion import second_cloud

from neurocaas_ci.cli.deploy import command
from neurocaas_ci.errors import FindingsError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PROVIDER = "arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com"


def test_drift_and_what_cloudformation_does_not_see(tmp_path):
    registry, state = tmp_path / "registry", tmp_path / "state"
    registry.mkdir()
    state.mkdir()
    commit(registry, small())

    def deploy(*arguments):
        found = CliRunner().invoke(command, [*arguments, "--repo", str(registry), "--no-fetch"])
        return found.exception, found.stdout

    with second_cloud(state):
        made = deploy(
            "--apply", "--foundation", "--subject", "lab/platform", "--oidc-provider", PROVIDER
        )
        assert made[0] is None, made
        assert deploy("--drift") == (None, "no drift: the cloud is as the templates say\n")

        iam, ec2 = client("iam"), client("ec2")
        iam.attach_role_policy(
            RoleName="neurocaas-run", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        )
        more = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}  # fmt: skip
        iam.put_role_policy(
            RoleName="neurocaas-deploy", PolicyName="more", PolicyDocument=json.dumps(more)
        )
        iam.create_role(
            Path="/neurocaas/", RoleName="stranger", AssumeRolePolicyDocument=json.dumps(more)
        )
        (group,) = [
            g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]
            if "nothing comes in" in g["Description"]
        ]  # fmt: skip
        ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
        )
        bucket = client("s3").list_buckets()["Buckets"][0]["Name"]
        client("s3").put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
        )
        error, text = deploy("--drift")
    assert isinstance(error, FindingsError)
    assert error.exit_code == 10
    for expected in (
        "policy   role neurocaas-run: has arn:aws:iam::aws:policy/AdministratorAccess attached",
        "policy   role neurocaas-deploy: has the inline policy more besides its own",
        "extra    role stranger: is in our path and in no stack",
        "lets in tcp 22-22 from 0.0.0.0/0",
        "/VersioningConfiguration/Status is Suspended, should be Enabled",
    ):
        assert expected in text
