"""The port that finds and ends what is left over, on AWS Batch, ECS, EC2, IAM, S3 and CloudWatch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from neurocaas_ci.deploy.apply import Clock
from neurocaas_ci.deploy.aws.batch import environments, jobs, queues
from neurocaas_ci.deploy.aws.cloudformation import CloudFormationStacks
from neurocaas_ci.deploy.aws.job_places import cells, end_cell, end_logs, logs
from neurocaas_ci.deploy.aws.job_roles import busy, end_role, job_roles
from neurocaas_ci.deploy.aws.session import Clients, code_of, pages, talking
from neurocaas_ci.deploy.leftover import (
    Concluded,
    EnvironmentSeen,
    JobSeen,
    MachineSeen,
    judge_cells,
    judge_environments,
    judge_jobs,
    judge_logs,
    judge_machines,
    judge_roles,
)
from neurocaas_ci.model.cloud_names import FOUNDATION, REGISTRY, TAG
from neurocaas_ci.model.deploy import Leftover

_MOST_ASKED = 100
_COMING = {"SUBMITTED", "PENDING", "RUNNABLE", "STARTING"}
_UP = ["pending", "running"]
_WHY = "ended by the watchdog of neurocaas: past its time"
_PAUSE, _TRIES = 3.0, 10


class BatchWatchdog:
    """Looks at everything of the platform at one moment (seconds since 1970).

    `concluded` is what main says of jobs; without it, what jobs have for themselves is not judged.
    """

    def __init__(
        self,
        clients: Clients,
        now: float,
        clock: Clock,
        concluded: Concluded | None = None,
    ) -> None:
        self._clients = clients
        self._now = now
        self._clock = clock
        self._concluded = concluded

    def leftovers(self) -> Sequence[Leftover]:
        """Return jobs past their time, machines without one, and what is of the past."""
        with talking("watchdog"):
            listed = queues(self._clients)
            found_jobs = [j for queue in listed for j in self._jobs(queue["jobQueueName"])]
            made = environments(self._clients)
            tasks = {
                entry["computeEnvironmentName"]: dict(self._tasks(entry.get("ecsClusterArn")))
                for entry in made
            }
            coming = any(job.status in _COMING for job in found_jobs)
            on = {machine: count for counts in tasks.values() for machine, count in counts.items()}
            held = [job.definition for job in found_jobs]
            return [
                *judge_jobs(found_jobs, self._now),
                *judge_machines(self._machines(on), self._now, jobs_coming=coming),
                *judge_environments(self._environments(made, listed, tasks)),
                *(self._of_jobs(self._concluded, held) if self._concluded else ()),
            ]

    def end(self, left: Leftover) -> None:
        """End what was left over; harmless when it has ended."""
        with talking(f"{left.kind} {left.name}"):
            if left.kind == "job":
                self._clients.get("batch").terminate_job(jobId=left.name, reason=_WHY)
            elif left.kind == "machine":
                self._end_machine(left.name)
            elif left.kind == "role":
                end_role(self._clients, left.name)
            elif left.kind == "cell":
                end_cell(self._clients, left.name)
            elif left.kind == "logs":
                end_logs(self._clients, left.name)
            else:
                self._end_environment(left.name)

    def _of_jobs(self, concluded: Concluded, held: Sequence[str]) -> Iterator[Leftover]:
        """Yield what jobs that are over still have for themselves."""
        yield from judge_roles(job_roles(self._clients, held, concluded.over), self._now)
        bucket = CloudFormationStacks(self._clients).outputs(FOUNDATION).get("Bucket")
        if bucket:
            used = busy(self._clients, held)
            yield from judge_cells(cells(self._clients, bucket, concluded, used), self._now)
            yield from judge_logs(logs(self._clients, bucket, concluded, used), self._now)

    def _jobs(self, queue: str) -> Iterator[JobSeen]:
        api = self._clients.get("batch")
        ids = [job["jobId"] for job in jobs(self._clients, queue)]
        for start in range(0, len(ids), _MOST_ASKED):
            for job in api.describe_jobs(jobs=ids[start : start + _MOST_ASKED])["jobs"]:
                started = job.get("startedAt")
                yield JobSeen(
                    job["jobId"],
                    job["jobName"],
                    queue,
                    job["status"],
                    job.get("createdAt", self._now * 1000) / 1000,
                    started / 1000 if started else None,
                    job.get("timeout", {}).get("attemptDurationSeconds"),
                    str(job.get("statusReason", "")),
                    str(job.get("jobDefinition", "")),
                )

    def _tasks(self, cluster: str | None) -> Iterator[tuple[str, int]]:
        """Yield the machines of a cluster with the number of tasks on each."""
        if not cluster:
            return
        api = self._clients.get("ecs")
        arns = list(
            pages(api, "list_container_instances", "containerInstanceArns", cluster=cluster)
        )
        for start in range(0, len(arns), _MOST_ASKED):
            found = api.describe_container_instances(
                cluster=cluster, containerInstances=arns[start : start + _MOST_ASKED]
            )
            for instance in found["containerInstances"]:
                count = instance["runningTasksCount"] + instance["pendingTasksCount"]
                yield instance["ec2InstanceId"], count

    def _machines(self, tasks: dict[str, int]) -> Iterator[MachineSeen]:
        api = self._clients.get("ec2")
        filters = [
            {"Name": f"tag:{TAG}", "Values": ["machine"]},
            {"Name": "instance-state-name", "Values": _UP},
        ]
        for reservation in pages(api, "describe_instances", "Reservations", Filters=filters):
            for instance in reservation["Instances"]:
                name = instance["InstanceId"]
                launched = instance["LaunchTime"].timestamp()
                yield MachineSeen(name, instance["InstanceType"], launched, tasks.get(name))

    def _environments(
        self,
        made: Sequence[dict[str, Any]],
        listed: Sequence[dict[str, Any]],
        tasks: dict[str, dict[str, int]],
    ) -> Iterator[EnvironmentSeen]:
        wanted = {
            order["computeEnvironment"]
            for queue in listed
            for order in queue["computeEnvironmentOrder"]
        } | set(self._deployed())
        for entry in made:
            name, arn = entry["computeEnvironmentName"], entry["computeEnvironmentArn"]
            yield EnvironmentSeen(name, bool(wanted & {name, arn}), sum(tasks[name].values()))

    def _deployed(self) -> Iterator[str]:
        """Yield what the stack has made, also for queues that it has not moved over yet."""
        from botocore.exceptions import ClientError

        api = self._clients.get("cloudformation")
        try:
            yield from [
                resource.get("PhysicalResourceId", "")
                for resource in pages(
                    api, "list_stack_resources", "StackResourceSummaries", StackName=REGISTRY
                )
            ]
        except ClientError as error:
            if code_of(error) != "ValidationError":
                raise

    def _end_machine(self, name: str) -> None:
        from botocore.exceptions import ClientError

        try:
            self._clients.get("ec2").terminate_instances(InstanceIds=[name])
        except ClientError as error:
            if code_of(error) != "InvalidInstanceID.NotFound":
                raise

    def _end_environment(self, name: str) -> None:
        """Switch it off and delete it; if that takes long, the next call goes on with it."""
        api = self._clients.get("batch")
        for _ in range(_TRIES):
            found = api.describe_compute_environments(computeEnvironments=[name])
            entry = next(iter(found["computeEnvironments"]), None)
            if entry is None or entry.get("status") == "DELETING":
                return
            if entry.get("status") not in {"UPDATING", "CREATING"}:
                if entry["state"] == "DISABLED":
                    api.delete_compute_environment(computeEnvironment=name)
                    self._end_launch_template(entry)
                    return
                api.update_compute_environment(computeEnvironment=name, state="DISABLED")
            self._clock.sleep(_PAUSE)

    def _end_launch_template(self, environment: dict[str, Any]) -> None:
        """Delete the launch template of an environment unless something else has it."""
        from botocore.exceptions import ClientError

        launch = environment["computeResources"].get("launchTemplate", {}).get("launchTemplateId")
        others = [
            entry["computeResources"].get("launchTemplate", {}).get("launchTemplateId")
            for entry in environments(self._clients)
            if entry["computeEnvironmentArn"] != environment["computeEnvironmentArn"]
        ]
        if not launch or launch in others or launch in set(self._deployed()):
            return
        try:
            self._clients.get("ec2").delete_launch_template(LaunchTemplateId=launch)
        except ClientError as error:
            if not code_of(error).startswith("InvalidLaunchTemplate"):
                raise
