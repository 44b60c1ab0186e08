"""An AWS account on loopback: moto's server with the Batch bridge, IAM enforcement, and inventory."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from moto.batch.models import batch_backends
from moto.server import ThreadedMotoServer

from bridge import consumables, rights, trust
from bridge.attempts import Host
from bridge.engine import Engine, installed
from bridge.rules import ENDED

REGION = "us-east-1"
_QUICK = Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=30)
_EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


class Keys(NamedTuple):
    """An access key of a user of the account."""

    id: str
    secret: str


class Cloud:
    """One emulated account; use `running` to have one."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.admin = Keys("testing", "testing")
        self._clients: dict[tuple[str, Keys], Any] = {}
        self._lock = threading.Lock()
        self.host = Host(self.client, endpoint, REGION)
        self.engine = Engine(self.host)

    def client(self, service: str, keys: Keys | None = None) -> Any:
        """Return a client, the administrator's where no keys are given."""
        keys = keys or self.admin
        with self._lock:
            if (service, keys) not in self._clients:
                self._clients[service, keys] = boto3.session.Session().client(
                    service,
                    endpoint_url=self.endpoint,
                    region_name=REGION,
                    aws_access_key_id=keys.id,
                    aws_secret_access_key=keys.secret,
                    config=_QUICK,
                )
            return self._clients[service, keys]

    def variables(self, keys: Keys | None = None) -> dict[str, str]:
        """Return the environment variables with which boto3 reaches this account."""
        keys = keys or self.admin
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": keys.id,
            "AWS_SECRET_ACCESS_KEY": keys.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def user(self, name: str, statements: Sequence[Mapping[str, Any]]) -> Keys:
        """Make a user with one inline policy and an access key."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=_policy(statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Keys(key["AccessKeyId"], key["SecretAccessKey"])

    def role(self, name: str, service: str, statements: Sequence[Mapping[str, Any]] = ()) -> str:
        """Make a role that a service may assume; return its ARN."""
        iam = self.client("iam")
        trust = [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=_policy(statements))
        return str(arn)

    def enforce(self, *, on: bool) -> None:
        """Let policies count (moto does not look at conditions), or not."""
        if on and self.admin.id == "testing":
            self.admin = self.user(trust.ADMINISTRATOR, _EVERYTHING)
        self._post("/moto-api/reset-auth", b"0" if on else b"inf")

    def queue(self, name: str, instance_type: str, *, vcpus: int, spot: bool = False) -> None:
        """Make a queue with one compute environment of its own, of at most so many vCPUs.

        Without an instance type it is one of Fargate.
        """
        ec2, batch = self.client("ec2"), self.client("batch")
        subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
        resources = {
            "maxvCpus": vcpus,
            "subnets": [subnet],
            "securityGroupIds": [group],
        }
        if instance_type:
            resources |= {
                "type": "SPOT" if spot else "EC2",
                "minvCpus": 0,
                "instanceTypes": [instance_type],
                "instanceRole": self._profile(),
            }
        else:
            resources["type"] = "FARGATE_SPOT" if spot else "FARGATE"
        made = batch.create_compute_environment(
            computeEnvironmentName=name,
            type="MANAGED",
            serviceRole=self._service_role(),
            computeResources=resources,
        )
        order = [{"order": 1, "computeEnvironment": made["computeEnvironmentArn"]}]
        batch.create_job_queue(
            jobQueueName=name, state="ENABLED", priority=1, computeEnvironmentOrder=order
        )

    def instances(self, job: str = "") -> list[dict[str, Any]]:
        """Return the instances of attempts, of one job or of all."""
        filters = [{"Name": "tag:neurocaas:job", "Values": [job]}] if job else []
        pages = self.client("ec2").get_paginator("describe_instances").paginate(Filters=filters)
        return [i for page in pages for r in page["Reservations"] for i in r["Instances"]]

    def left(self) -> list[str]:
        """Name what still runs: instances, jobs that have not ended, processes."""
        found = [
            f"instance {i['InstanceId']}"
            for i in self.instances()
            if i["State"]["Name"] not in {"terminated", "shutting-down"}
        ]
        found += [
            f"job {job.job_name} {job.job_id} {job.status}"
            for backend in batch_backends.values()
            for region in backend.values()
            for job in list(region._jobs.values())
            if job.status not in ENDED
        ]
        found += [f"consumable resource {name}" for name in self.engine.consumables.total]
        return found + [f"process {pid}" for pid in self.host.processes]

    def status(self, job: str) -> str:
        """Return how a job stands."""
        return str(self.client("batch").describe_jobs(jobs=[job])["jobs"][0]["status"])

    def forget(self, job: str) -> None:
        """Let Batch lose a job that has not started: it ends, and nobody can ask about it."""
        jobs = batch_backends["123456789012"][REGION]._jobs
        for name in [name for name in jobs if name.partition(":")[0] == job]:
            lost = jobs.pop(name)
            lost.job_queue.jobs.remove(lost)
            lost.terminate("lost")

    def reclaim(self, job: str, timeout: float = 30) -> str:
        """Terminate the instance of a job as AWS reclaims a spot instance; return its id."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for instance in self.instances(job):
                if instance["State"]["Name"] == "running":
                    name = str(instance["InstanceId"])
                    self.client("ec2").terminate_instances(InstanceIds=[name])
                    return name
            time.sleep(0.05)
        raise TimeoutError(f"job {job} has no running instance")

    def wait(self, *jobs: str, timeout: float = 60) -> list[dict[str, Any]]:
        """Return the descriptions of jobs once all of them have ended."""
        deadline = time.monotonic() + timeout
        while True:
            found = [self.client("batch").describe_jobs(jobs=[job])["jobs"][0] for job in jobs]
            if all(job["status"] in ENDED for job in found):
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"not ended: {[(j['jobName'], j['status']) for j in found]}")
            time.sleep(0.05)

    def close(self) -> None:
        """End every job and wait until its thread and its process are gone."""
        self.host.closing.set()
        self.engine.wake()
        for thread in threading.enumerate():
            if thread.name.startswith("MOTO-BATCH-"):
                thread.join(30)

    def _profile(self) -> str:
        iam = self.client("iam")
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_instance_profile(InstanceProfileName="neurocaas-instances")
        found = iam.get_instance_profile(InstanceProfileName="neurocaas-instances")
        return str(found["InstanceProfile"]["Arn"])

    def _service_role(self) -> str:
        iam = self.client("iam")
        with contextlib.suppress(iam.exceptions.NoSuchEntityException):
            return str(iam.get_role(RoleName="batch-service")["Role"]["Arn"])
        return self.role("batch-service", "batch.amazonaws.com")

    def _post(self, path: str, data: bytes = b"") -> None:
        # As a form, which is urllib's default, moto would not see the text.
        plain = {"Content-Type": "text/plain"}
        address = self.endpoint + path
        request = urllib.request.Request(address, data=data, headers=plain)  # noqa: S310 - our own
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


@contextlib.contextmanager
def running() -> Iterator[Cloud]:
    """Start an empty account; at the end everything that it started is gone."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    cloud = Cloud(f"http://{host}:{port}")
    try:
        cloud._post("/moto-api/reset")
        cloud._post("/moto-api/reset-auth", b"inf")
        resources = consumables.installed(cloud.engine.consumables)
        with installed(cloud.engine), trust.installed(), rights.installed(), resources:
            try:
                yield cloud
            finally:
                cloud.close()
    finally:
        with contextlib.suppress(OSError):
            cloud._post("/moto-api/reset-auth", b"inf")
        server.stop()


def _policy(statements: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
