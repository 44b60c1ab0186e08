"""Which machine was behind a container instance, asked of ECS and EC2 as moto plays them."""

from __future__ import annotations

import json

import pytest

from neurocaas_ci.executors.batch.client import Batch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@pytest.fixture
def clients(aws, monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL": aws.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    import boto3

    return boto3.client("ecs"), boto3.client("ec2")


def register(clients, kind, **options):
    ecs, ec2 = clients
    made = ec2.run_instances(
        ImageId="ami-12c6146b", InstanceType=kind, MinCount=1, MaxCount=1, **options
    )["Instances"][0]
    document = {
        "instanceId": made["InstanceId"], "region": "us-east-1", "imageId": made["ImageId"],
        "instanceType": kind, "availabilityZone": "us-east-1a", "accountId": "123456789012",
    }  # fmt: skip
    answer = ecs.register_container_instance(
        cluster="bank", instanceIdentityDocument=json.dumps(document)
    )
    return made["InstanceId"], answer["containerInstance"]["containerInstanceArn"]


def test_a_machine_is_named_as_ec2_knows_it(clients):
    ecs, ec2 = clients
    ecs.create_cluster(clusterName="bank")
    one, first = register(clients, "m5.large")
    two, second = register(clients, "m5.xlarge", InstanceMarketOptions={"MarketType": "spot"})
    found = Batch.connect().instances([first, second])
    assert set(found) == {first, second}
    assert {k: found[first][k] for k in ("id", "type", "ami", "lifecycle")} == {
        "id": one, "type": "m5.large", "ami": "ami-12c6146b", "lifecycle": "on-demand",
    }  # fmt: skip
    assert found[first]["zone"].startswith("us-east-1")
    assert found[first]["launched"].endswith("Z")
    assert (found[second]["id"], found[second]["lifecycle"]) == (two, "spot")
    # A machine that is gone is still known for a while.
    ec2.terminate_instances(InstanceIds=[one])
    assert Batch.connect().instances([first])[first]["id"] == one


def test_what_nobody_knows_is_left_out(clients):
    unknown = "arn:aws:ecs:us-east-1:123456789012:container-instance/nowhere/abc"
    assert Batch.connect().instances([unknown]) == {}
    assert Batch.connect().instances([]) == {}
