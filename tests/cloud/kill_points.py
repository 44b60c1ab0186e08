"""Apply a registry in processes that die at a call of AWS, each time at another one.

    python kill_points.py ADDRESS REPOSITORY FIRST SECOND

Prints a line of JSON for each scenario: the state after an undisturbed deployment, and the states
after one that was killed at a point and then repeated. ADDRESS is a moto server.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys

import boto3
import botocore.client

from neurocaas_ci.cli import deploying
from neurocaas_ci.cli.deploy import command
from neurocaas_ci.deploy.apply import Clock

_CALL = botocore.client.BaseClient._make_api_call


def deploy(repository: str, *arguments: str, die_at: int = 0) -> int:
    """Run `neurocaas deploy --apply` in a child that dies before its call `die_at`.

    That is also the state after the call before. Return its exit code, or minus the signal.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.dup2(2, 1)
    made = 0

    def call(self, name, parameters):
        nonlocal made
        made += 1
        if made == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return _CALL(self, name, parameters)

    botocore.client.BaseClient._make_api_call = call
    seconds = iter(range(10**6))
    deploying._CLOCK = Clock(lambda: float(next(seconds)), lambda _seconds: None)
    code = 0
    try:
        command.main(
            ["--apply", "--no-fetch", "--repo", repository, *arguments], standalone_mode=False
        )
    except Exception as error:  # noqa: BLE001 - a child tells by its code
        sys.stderr.write(f"{error!r}\n")
        code = getattr(error, "exit_code", 1)
    finally:
        os._exit(code)


def state() -> list:
    """Return everything that deploying made, without what is random in it."""
    cloud, batch = boto3.client("cloudformation"), boto3.client("batch")
    stacks = sorted(
        [
            stack["StackName"],
            stack["StackStatus"],
            sorted(
                o["OutputValue"]
                for o in stack["Outputs"]
                if o["OutputKey"] in {"Template", "Commit"}
            ),
            sorted(
                [r.get("ResourceType", ""), r.get("LogicalResourceId", "")]
                for r in cloud.describe_stack_resources(StackName=stack["StackName"])[
                    "StackResources"
                ]
            ),
        ]
        for stack in cloud.describe_stacks()["Stacks"]
    )
    environments = {
        e["computeEnvironmentArn"]: e["tags"]["Name"]
        for e in batch.describe_compute_environments()["computeEnvironments"]
    }
    queues = sorted(
        [q["jobQueueName"], [environments[o["computeEnvironment"]] for o in q["computeEnvironmentOrder"]]]
        for q in batch.describe_job_queues()["jobQueues"]
    )  # fmt: skip
    roles = sorted(role["RoleName"] for role in boto3.client("iam").list_roles()["Roles"])
    return [stacks, sorted(environments.values()), queues, roles]


def _warm_up() -> None:
    """Load what every child needs before it is born: the models of the services."""
    session = boto3.Session()
    for service in ("cloudformation", "batch", "s3", "iam"):
        session.client(service)
    boto3.Session = lambda **_region: session
    boto3.client = session.client


def main(address: str, repository: str, first: str, second: str) -> None:
    """Try every point of a first deployment and of a second one."""

    _warm_up()

    def begin(*commits: str) -> None:
        server = http.client.HTTPConnection(address.removeprefix("http://"))
        server.request("POST", "/moto-api/reset")
        server.getresponse().read()
        server.close()
        code = deploy(repository, "--foundation", "--subject", "lab@1/platform@2")
        for commit in commits:
            code = code or deploy(repository, "--head", commit)
        if code:
            raise RuntimeError(f"the start of a scenario failed with {code}")

    for before, last in (((), first), ((first,), second)):
        begin(*before, last)
        clean = state()
        points = []
        for number in range(1, 100):
            begin(*before)
            died = deploy(repository, "--head", last, die_at=number)
            again = deploy(repository, "--head", last)
            points.append({"point": number, "died": died, "again": again, "same": state() == clean})
            if died == 0:
                break
        sys.stdout.write(json.dumps({"clean": clean, "points": points}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
