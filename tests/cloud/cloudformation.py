"""A cloud on this machine whose CloudFormation does what our templates ask: moto with its gaps closed.

`cloud()` starts a server on loopback, with an empty account, and yields its address. The gaps of moto 5.2.5 that are closed:
stacks made by a change set have no outputs and exports, and no time of their last update; resources
that a template retains are deleted by an update; there are no Budgets, bucket policies, providers of
identities, topic policies and subscriptions; buckets have none of their properties; no termination
protection, compute environments lose their tags, and queues are
neither changed nor deleted.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import urllib.request
from collections.abc import Iterator
from unittest import mock

import boto3

REGION = "us-east-1"
ACCOUNT = "123456789012"


@contextlib.contextmanager
def cloud() -> Iterator[str]:
    """Run a server for the block, with an environment in which boto3 talks to it."""
    from moto.server import ThreadedMotoServer

    _close_gaps()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        # What moto keeps belongs to the process: servers before this one have left theirs.
        empty = urllib.request.Request(f"{address}/moto-api/reset", data=b"", method="POST")  # noqa: S310 - our own
        urllib.request.urlopen(empty, timeout=10).close()  # noqa: S310
        with mock.patch.dict(os.environ, environment(address)):
            yield address
    finally:
        server.stop()


def environment(address: str) -> dict[str, str]:
    """Return the variables by which boto3 talks to a server."""
    return {
        "AWS_ENDPOINT_URL": address, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }  # fmt: skip


def client(service: str):
    """Return a client of the server that this process talks to."""
    return boto3.client(service, region_name=REGION)


def _close_gaps() -> None:
    if getattr(_close_gaps, "done", False):
        return
    _close_gaps.done = True
    _add_types()
    _close_gaps_of_stacks()
    _close_gaps_of_buckets()
    _close_gaps_of_batch()


def _add_types() -> None:
    def make_budget(_name, p):
        budget = p["Budget"]
        budget["BudgetLimit"]["Amount"] = str(budget["BudgetLimit"]["Amount"])
        client("budgets").create_budget(
            AccountId=ACCOUNT, Budget=budget,
            NotificationsWithSubscribers=p.get("NotificationsWithSubscribers", []),
        )  # fmt: skip
        return budget["BudgetName"]

    def make_policy(_name, p):
        # moto would deny whatever the conditions say.
        statements = [s for s in p["PolicyDocument"]["Statement"] if "Condition" not in s]
        if statements:
            document = {**p["PolicyDocument"], "Statement": statements}
            client("s3").put_bucket_policy(Bucket=p["Bucket"], Policy=json.dumps(document))
        return p["Bucket"]

    def make_provider(_name, p):
        return client("iam").create_open_id_connect_provider(
            Url=p["Url"], ClientIDList=p["ClientIdList"]
        )["OpenIDConnectProviderArn"]

    def make_subscription(_name, p):
        return client("sns").subscribe(
            TopicArn=p["TopicArn"], Protocol=p["Protocol"], Endpoint=p["Endpoint"],
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]  # fmt: skip

    def make_topic_policy(name, p):
        for arn in p["Topics"]:
            client("sns").set_topic_attributes(
                TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(p["PolicyDocument"])
            )
        return name

    _model("budgets", "AWS::Budgets::Budget", make_budget,
          lambda name: client("budgets").delete_budget(AccountId=ACCOUNT, BudgetName=name))  # fmt: skip
    _model("s3", "AWS::S3::BucketPolicy", make_policy,
          lambda name: client("s3").delete_bucket_policy(Bucket=name))  # fmt: skip
    _model("iam", "AWS::IAM::OIDCProvider", make_provider,
          lambda arn: client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=arn))  # fmt: skip
    _model("sns", "AWS::SNS::Subscription", make_subscription,
          lambda arn: client("sns").unsubscribe(SubscriptionArn=arn))  # fmt: skip
    _model("sns", "AWS::SNS::TopicPolicy", make_topic_policy, lambda name: None)


def _model(service: str, kind: str, create, delete):
    """Register a type that moto lacks; `create` returns its physical id."""
    from moto.core.common_models import CloudFormationModel

    def made(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        properties = json.loads(json.dumps(cloudformation_json.get("Properties", {})))
        found = cls()
        found.name = create(resource_name, properties)
        return found

    def updated(
        cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
    ):
        delete(original_resource.name)
        return made(cls, new_resource_name, cloudformation_json, account_id, region_name)

    body = {
        # moto's metaclass takes the service from the name of the module.
        "__module__": f"moto.{service}.models",
        "physical_resource_id": property(lambda self: self.name),
        "cloudformation_name_type": staticmethod(lambda: ""),
        "cloudformation_type": staticmethod(lambda: kind),
        "has_cfn_attr": classmethod(lambda cls, attr: attr == "Arn"),
        "get_cfn_attribute": lambda self, attr: self.name,
        "create_from_cloudformation_json": classmethod(made),
        "update_from_cloudformation_json": classmethod(updated),
        "delete_from_cloudformation_json": classmethod(
            lambda cls, resource_name, cloudformation_json, account_id, region_name: delete(resource_name)
        ),
    }  # fmt: skip
    return type(kind.replace(":", ""), (CloudFormationModel,), body)


def _close_gaps_of_stacks() -> None:
    from moto.cloudformation.models import (
        ChangeSet,
        CloudFormationBackend,
        Stack,
        cloudformation_backends,
    )
    from moto.cloudformation.parsing import ResourceMap
    from moto.cloudformation.responses import CloudFormationResponse
    from moto.core.responses import EmptyResult
    from moto.core.utils import utcnow

    apply, remove = ChangeSet.apply, ResourceMap._delete_resource
    execute = CloudFormationBackend.execute_change_set

    def keeping(self, parsed_resource, resource_json):
        if not str(resource_json.get("DeletionPolicy", "")).startswith("Retain"):
            remove(self, parsed_resource, resource_json)
        else:
            self._parsed_resources.pop(parsed_resource.logical_resource_id, None)

    def applied(self):
        backend = cloudformation_backends[self.stack.account_id][self.stack.region_name]
        self.stack.resource_map.cross_stack_resources = backend.exports
        apply(self)
        self.stack.template = self.template
        self.stack._parse_template()
        self.stack.output_map = self.stack._create_output_map()
        self.stack.last_updated_time = utcnow()

    def executed(self, change_set_name, stack_name=None):
        execute(self, change_set_name, stack_name)
        for stack in list(self.stacks.values()):
            for export in stack.exports:
                self.exports[export.name] = export

    def protected(self):
        stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
        stack.enable_termination_protection = self._get_bool_param("EnableTerminationProtection")
        return EmptyResult()

    ResourceMap._delete_resource = keeping
    ChangeSet.apply = applied
    CloudFormationBackend.execute_change_set = executed
    CloudFormationResponse.update_termination_protection = protected
    Stack.last_updated_time = None


def _close_gaps_of_batch() -> None:
    from moto.batch.models import BatchBackend, ComputeEnvironment, JobQueue, batch_backends

    create = ComputeEnvironment.create_from_cloudformation_json.__func__
    describe = BatchBackend.describe_compute_environments

    def created(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        made = create(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs)
        made.own_tags = cloudformation_json["Properties"].get("Tags", {})
        return made

    def described(self, environments=None):
        found = describe(self, environments)
        for entry in found:
            made = self.get_compute_environment_by_arn(entry["computeEnvironmentArn"])
            entry["tags"] = {**entry.get("tags", {}), **getattr(made, "own_tags", {})}
        return found

    def moved(
        cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
    ):
        order = cloudformation_json["Properties"]["ComputeEnvironmentOrder"]
        backend = batch_backends[account_id][region_name]
        backend.update_job_queue(
            original_resource.name, None, None,
            [{"order": e["Order"], "computeEnvironment": e["ComputeEnvironment"]} for e in order],
            None,
        )  # fmt: skip
        original_resource.env_order_json = backend.get_job_queue(
            original_resource.name
        ).env_order_json
        return original_resource

    def deleted(cls, resource_name, cloudformation_json, account_id, region_name):
        batch_backends[account_id][region_name].delete_job_queue(resource_name)

    JobQueue.update_from_cloudformation_json = classmethod(moved)
    JobQueue.delete_from_cloudformation_json = classmethod(deleted)
    ComputeEnvironment.create_from_cloudformation_json = classmethod(created)
    BatchBackend.describe_compute_environments = described


def _close_gaps_of_buckets() -> None:
    from moto.s3.models import FakeBucket

    create = FakeBucket.create_from_cloudformation_json.__func__

    def created(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        bucket = create(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs)
        _set_properties(resource_name, cloudformation_json["Properties"])
        return bucket

    def updated(
        cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
    ):
        _set_properties(original_resource.name, cloudformation_json["Properties"])
        return original_resource

    FakeBucket.create_from_cloudformation_json = classmethod(created)
    FakeBucket.update_from_cloudformation_json = classmethod(updated)


def _set_properties(name: str, properties) -> None:
    storage = client("s3")
    storage.put_bucket_versioning(
        Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"]
    )
    block = properties["PublicAccessBlockConfiguration"]
    storage.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration={k: str(v).lower() == "true" for k, v in block.items()},
    )


if __name__ == "__main__":
    with cloud() as address:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        sys.stdin.read()
