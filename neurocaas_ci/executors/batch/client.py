"""The calls to AWS that the executor makes, with botocore's errors as ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.executors.batch.words import STATES, instance_facts

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sts import STSClient

_AT_ONCE = 100
_CREDENTIALS = frozenset(
    {
        "AccessDenied", "AccessDeniedException", "AuthFailure", "ExpiredToken",
        "ExpiredTokenException", "InvalidClientTokenId", "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)  # fmt: skip


class Batch:
    """AWS Batch and its logs, in the account and region of this process's AWS configuration."""

    def __init__(
        self,
        client: BatchClient,
        once: BatchClient,
        logs: Callable[[], CloudWatchLogsClient],
        identity: Callable[[], STSClient],
        machines: Callable[[], tuple[Any, EC2Client]],
    ) -> None:
        self._client = client
        self._identity = identity
        self._machines = machines
        self._once = once
        self._logs = logs

    @classmethod
    def connect(cls) -> Batch:
        """Return a client; raise BackendUnavailableError without boto3 or a region."""
        try:
            import boto3
            from botocore.config import Config
        except ImportError as error:
            raise BackendUnavailableError(
                "boto3 is not installed", hint="pip install 'neurocaas-ci[aws]'"
            ) from error
        patient = Config(retries={"mode": "standard", "max_attempts": 8}, connect_timeout=10)
        # A submission that timed out may have been taken: it is looked for, never sent again.
        # Whoever reads a log waits at a terminal.
        brief = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=5)
        once = Config(retries={"total_max_attempts": 1}, connect_timeout=10)
        with translated("connect to AWS"):
            session = boto3.session.Session()
            return cls(
                session.client("batch", config=patient),
                session.client("batch", config=once),
                lambda: session.client("logs", config=brief),
                lambda: session.client("sts", config=patient),
                lambda: (
                    session.client("ecs", config=patient),
                    session.client("ec2", config=patient),
                ),
            )

    def caller(self) -> str:
        """Return the ARN of whoever this process is."""
        with translated("ask AWS for this account"):
            return self._identity().get_caller_identity()["Arn"]

    def define(self, request: Mapping[str, Any]) -> str:
        """Return the ARN of the job definition of this name, registered if there is none."""
        name = request["jobDefinitionName"]
        with translated(f"look up the job definition {name}"):
            pages = self._client.get_paginator("describe_job_definitions")
            for page in pages.paginate(jobDefinitionName=name, status="ACTIVE"):
                for found in page["jobDefinitions"]:
                    return found["jobDefinitionArn"]
        with translated(f"register the job definition {name}"):
            return self._client.register_job_definition(**request)["jobDefinitionArn"]

    def undefine(self, name: str) -> None:
        """Take a job definition out of use, if there is one; jobs that were submitted keep it."""
        with translated(f"deregister the job definition {name}"):
            pages = self._client.get_paginator("describe_job_definitions")
            for page in pages.paginate(jobDefinitionName=name, status="ACTIVE"):
                for found in page["jobDefinitions"]:
                    self._client.deregister_job_definition(jobDefinition=found["jobDefinitionArn"])

    def limit(self, name: str, at_once: int) -> str:
        """Let so many jobs at once hold the consumable resource of this name; return its ARN."""
        from botocore.exceptions import ClientError

        with translated(f"make the consumable resource {name}"):
            try:
                return self._client.create_consumable_resource(
                    consumableResourceName=name, totalQuantity=at_once, resourceType="REPLENISHABLE"
                )["consumableResourceArn"]
            except ClientError as refusal:
                try:
                    found = self._client.describe_consumable_resource(consumableResource=name)
                except ClientError:
                    raise refusal from None
            return found["consumableResourceArn"]

    def unlimit(self, name: str) -> None:
        """Remove a consumable resource, if there is one."""
        with translated(f"remove the consumable resource {name}"):
            remove_limit(self._client, name)

    def submit(self, request: Mapping[str, Any]) -> str:
        """Submit a job and return its id."""
        with translated(f"submit {request['jobName']} to the queue {request['jobQueue']}"):
            return self._once.submit_job(**request)["jobId"]

    def find(self, queue: str, name: str) -> str | None:
        """Return the id of the job of this name in a queue, in whatever state, or None."""
        with translated(f"list the jobs of the queue {queue}"):
            pages = self._client.get_paginator("list_jobs")
            asked = [{"name": "JOB_NAME", "values": [name]}]
            for page in pages.paginate(jobQueue=queue, filters=cast("Any", asked)):
                for job in page["jobSummaryList"]:
                    # Tasks of an array are not listed by AWS, but by its stand-ins.
                    if job["jobName"] == name and ":" not in job["jobId"]:
                        return job["jobId"]
        return None

    def describe(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Return the descriptions of jobs by id; what Batch has forgotten is left out."""
        found: dict[str, Mapping[str, Any]] = {}
        for start in range(0, len(ids), _AT_ONCE):
            with translated("describe jobs"):
                answer = self._client.describe_jobs(jobs=list(ids[start : start + _AT_ONCE]))
            found.update({job["jobId"]: cast("Mapping[str, Any]", job) for job in answer["jobs"]})
        return found

    def tasks(self, array: str, statuses: Iterable[str] = STATES) -> Iterator[Mapping[str, Any]]:
        """Yield the lines of the tasks of an array that are in one of the states."""
        for status in statuses:
            with translated(f"list the tasks of the array {array}"):
                pages = self._client.get_paginator("list_jobs")
                for page in pages.paginate(arrayJobId=array, jobStatus=cast("Any", status)):
                    for task in page["jobSummaryList"]:
                        yield cast("Mapping[str, Any]", task)

    def instances(self, arns: Iterable[str]) -> dict[str, dict[str, str]]:
        """Return what EC2 says of the machines behind container instances, by their ARN.

        Those that it has forgotten are left out; so is everything where asking is not allowed.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        clusters: dict[str, list[str]] = {}
        for arn in arns:
            clusters.setdefault(arn.rpartition("/")[0].rpartition("/")[2], []).append(arn)
        found: dict[str, dict[str, str]] = {}
        try:
            ecs, ec2 = self._machines()
            for cluster, every in clusters.items():
                for start in range(0, len(every), _AT_ONCE):
                    some = every[start : start + _AT_ONCE]
                    answer = ecs.describe_container_instances(
                        cluster=cluster, containerInstances=some
                    )
                    ids = {
                        one["ec2InstanceId"]: one["containerInstanceArn"]
                        for one in answer["containerInstances"]
                        if "ec2InstanceId" in one
                    }
                    asked = [{"Name": "instance-id", "Values": list(ids)}]
                    pages = ec2.get_paginator("describe_instances")
                    for page in pages.paginate(Filters=cast("Any", asked)):
                        for reservation in page["Reservations"]:
                            for one in reservation["Instances"]:
                                found[ids[one["InstanceId"]]] = instance_facts(one)
        except (ClientError, BotoCoreError):
            # Evidence about machines is welcome; no result is held up for want of it.
            return found
        return found

    def end(self, job: str, reason: str) -> None:
        """End a job: what runs is terminated, what waits is cancelled; with all tasks of an array."""
        with translated(f"end the job {job}"):
            self._client.terminate_job(jobId=job, reason=reason)

    def log(self, group: str, stream: str) -> Iterator[str]:
        """Yield the lines of a log stream, from its start; nothing when there is no such stream."""
        from botocore.exceptions import ClientError

        with translated(f"read the log stream {stream}"):
            logs = self._logs()
            token: dict[str, Any] = {}
            while True:
                try:
                    answer = logs.get_log_events(
                        logGroupName=group, logStreamName=stream, startFromHead=True, **token
                    )
                except ClientError as error:
                    if error.response["Error"]["Code"] == "ResourceNotFoundException":
                        return
                    raise
                for event in answer["events"]:
                    yield event["message"]
                following = answer["nextForwardToken"]
                # The end of a stream is where the token stays the same.
                if token.get("nextToken") == following:
                    return
                token = {"nextToken": following}


def remove_limit(client: BatchClient, name: str) -> None:
    """Remove what bounds the runs of a job, a consumable resource, if there is one."""
    from botocore.exceptions import ClientError

    try:
        client.delete_consumable_resource(consumableResource=name)
    except ClientError as error:
        if "not exist" not in str(error) and "not found" not in str(error).lower():
            raise


def remove_streams(client: CloudWatchLogsClient, group: str, prefix: str) -> None:
    """Remove the log streams whose names begin with a prefix and a slash, if there are any."""
    missing = client.exceptions.ResourceNotFoundException
    with suppress(missing):
        pages = client.get_paginator("describe_log_streams")
        found = pages.paginate(logGroupName=group, logStreamNamePrefix=f"{prefix}/")
        names = [one["logStreamName"] for page in found for one in page["logStreams"]]
        for name in names:
            with suppress(missing):
                client.delete_log_stream(logGroupName=group, logStreamName=name)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise what goes wrong with AWS as BackendUnavailableError that says what was tried."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        code, message = details.get("Code", ""), details.get("Message", str(error))
        raise BackendUnavailableError(
            f"AWS refused to {what}: {code}: {message}", hint=_hint(code, message)
        ) from error
    except BotoCoreError as error:
        raise BackendUnavailableError(
            f"AWS did not answer when asked to {what}: {error}",
            hint="check the network, AWS_REGION and the credentials, then run the same command again",
        ) from error


def _hint(code: str, message: str) -> str:
    if code in _CREDENTIALS:
        return "renew the credentials, or let an operator compare the rights: `neurocaas deploy --drift`"
    if "queue" in message.lower():
        return "`neurocaas deploy` makes the queues of the hardware that blueprints allow"
    return "run the same command again; what was submitted is found again"
