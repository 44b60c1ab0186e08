"""The life of a Batch job: waits, attempts, retries, end; put in place of moto's Job.run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from moto.batch.exceptions import ClientException
from moto.batch.models import BatchBackend, Job

from bridge import fargate
from bridge.attempts import Host, Task
from bridge.capacity import Capacity
from bridge.consumables import Consumables
from bridge.rules import DEPENDENCY_FAILED, ENDED, AttemptEnd, array_status, needed, retries

_LOOK = 0.5
_TOO_BIG = (
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - "
    "The job's resource requirement exceeds the compute environment's maxvCpus"
)
_log = logging.getLogger(__name__)


class Engine:
    """Run the jobs of one moto server; `held` queues start nothing until they are released."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.capacity = Capacity()
        self.consumables = Consumables()
        self.held: set[str] = set()
        self.changed = threading.Condition()

    def status(self, job: Job) -> str:
        """Return how a job stands; an array as its tasks say."""
        if job._child_jobs:
            job._status = array_status([str(child._status) for child in job._child_jobs])
        return str(job._status)

    def run(self, job: Job) -> None:
        """Carry one job (or task of an array) to its end."""
        try:
            self._set(job, "PENDING")
            why = self._wait_for_needed(job)
            if why is not None:
                self._finish(job, AttemptEnd(None, why))
                return
            with self._room(job) as why:
                end = AttemptEnd(None, why) if why is not None else self._attempts(job)
            self._finish(job, end)
        except Exception as error:  # noqa: BLE001 - a job without an end would hold everybody up
            _log.exception("the bridge failed on job %s", job.job_id)
            self._finish(job, AttemptEnd(None, f"the bridge failed: {error!r}"))

    def stopped(self, job: Job) -> str | None:
        """Return why a job shall end, or None; an array's termination is that of each task."""
        parent = job.all_jobs.get(job.job_id.partition(":")[0])
        for one in (job, parent):
            if one is not None and one.stop:
                return one.job_stopped_reason or "terminated"
        return "the host closes" if self.host.closing.is_set() else None

    def wake(self) -> None:
        """Let every waiting job look again."""
        with self.changed:
            self.changed.notify_all()

    def _set(self, job: Job, status: str) -> None:
        with self.changed:
            job._status = status
            self.changed.notify_all()

    def _wait_for_needed(self, job: Job) -> str | None:
        ids = needed(job.depends_on or [], job.job_id, job.array_properties.get("index"))
        with self.changed:
            while True:
                if (why := self.stopped(job)) is not None:
                    return why
                states = [self.status(job.all_jobs[i]) for i in ids if i in job.all_jobs]
                if "FAILED" in states:
                    return DEPENDENCY_FAILED
                if states.count("SUCCEEDED") == len(ids):
                    return None
                self.changed.wait(_LOOK)

    @contextmanager
    def _room(self, job: Job) -> Iterator[str | None]:
        """Hold processors of the queue; yield a reason instead when the job was stopped meanwhile."""
        queue = job.job_queue
        vcpus = max(int(job._get_container_property("vcpus", 1) or 1), 1)
        limit = sum(e.compute_resources["maxvCpus"] for e in queue.environments)
        with self.changed:
            job._status = "RUNNABLE"
            if vcpus > limit:
                job.job_stopped_reason = _TOO_BIG
            while (why := self.stopped(job)) is None:
                if queue.name not in self.held and self.consumables.take(job.job_name):
                    if self.capacity.take(queue.arn, vcpus, limit):
                        break
                    self.consumables.give(job.job_name)
                self.changed.wait(_LOOK)
        try:
            yield why
        finally:
            if why is None:
                with self.changed:
                    self.capacity.give(queue.arn, vcpus)
                    self.consumables.give(job.job_name)
                    self.changed.notify_all()

    def _attempts(self, job: Job) -> AttemptEnd:
        number = 0
        while True:
            number += 1
            end = self._attempt(job, _task(job, number))
            if end.succeeded or not retries(job.job_definition.retry_strategy, number, end):
                return end
            self._set(job, "RUNNABLE")

    def _attempt(self, job: Job, task: Task) -> AttemptEnd:
        details: dict[str, Any] = {"networkInterfaces": [], "taskArn": f"task/{job.job_id}"}
        attempt: dict[str, Any] = {"container": details}

        def started(instance: str, stream: str) -> None:
            job.job_started_at = _now()
            job.log_stream_name = stream
            account, region = job.backend.account_id, job.backend.region_name
            where = f"arn:aws:ecs:{region}:{account}"
            if task.fargate:
                details["taskArn"] = f"{where}:task/{task.environment_name}/{instance}"
            else:
                details["containerInstanceArn"] = (
                    f"{where}:container-instance/{task.environment_name}/{instance}"
                )
            details["logStreamName"] = stream
            attempt["startedAt"] = int(job.job_started_at.timestamp() * 1000)
            self._set(job, "STARTING")

        end = self.host.attempt(
            task, lambda: self.stopped(job), started, lambda: self._set(job, "RUNNING")
        )
        attempt["stoppedAt"] = int(_now().timestamp() * 1000)
        attempt["statusReason"] = end.status_reason
        if end.code is not None:
            details["exitCode"] = end.code
        if end.reason:
            details["reason"] = end.reason
        job.attempts.append(attempt)
        return end

    def _finish(self, job: Job, end: AttemptEnd) -> None:
        job.exit_code = end.code
        job.job_stopped_reason = end.status_reason
        job.job_stopped_at = _now()
        job.job_stopped = True
        self._set(job, "SUCCEEDED" if end.succeeded else "FAILED")


def _now() -> datetime:
    return datetime.now()  # noqa: DTZ005 - moto's own times are naive as well


def _task(job: Job, number: int) -> Task:
    properties = job.job_definition.container_properties or {}
    environment = job.job_queue.environments[0]
    resources = environment.compute_resources
    overridden = job.container_overrides.get("environment") or []
    variables = {
        e["name"]: e["value"] for e in [*(properties.get("environment") or []), *overridden]
    }
    options = (properties.get("logConfiguration") or {}).get("options") or {}
    limit = job._get_attempt_duration()
    return Task(
        job_id=job.job_id,
        queue=job.job_queue.name,
        environment_name=environment.name,
        instance_type=(resources.get("instanceTypes") or ["m5.large"])[0],
        spot=resources["type"] == "SPOT",
        fargate=resources["type"].startswith("FARGATE"),
        image=properties["image"],
        command=job._add_parameters_to_command(job._get_container_property("command", [])),
        variables=variables,
        role=properties.get("jobRoleArn") or "",
        log_group=options.get("awslogs-group", "/aws/batch/job"),
        log_prefix=options.get("awslogs-stream-prefix", job.job_definition.name),
        timeout=float(limit) if limit else None,
        attempt=number,
        index=job.array_properties.get("index"),
    )


def _container_line(job: Job) -> dict[str, Any]:
    """Return what a line of a list says of the container: AWS tells its code and why it ended."""
    found = {"exitCode": job.exit_code} if job.exit_code is not None else {}
    if job.attempts and (reason := job.attempts[-1]["container"].get("reason")):
        found["reason"] = reason
    return {"container": found} if found else {}


@contextmanager
def _judging_definitions() -> Iterator[None]:
    """Let moto refuse what AWS would not register for Fargate."""
    register = BatchBackend.register_job_definition

    def registered(self: BatchBackend, **named: Any) -> Any:
        if "FARGATE" in (named.get("platform_capabilities") or ()) and (
            why := fargate.refusal(named.get("container_properties") or {})
        ):
            raise ClientException(why)
        return register(self, **named)

    BatchBackend.register_job_definition = registered  # type: ignore[method-assign]
    try:
        yield
    finally:
        BatchBackend.register_job_definition = register  # type: ignore[method-assign]


@contextmanager
def installed(engine: Engine) -> Iterator[None]:  # noqa: C901, PLR0915 - one patch after the other
    """Let moto's Batch run its jobs with this engine; end all jobs and take it back afterwards."""
    before = {name: Job.__dict__.get(name) for name in ("run", "terminate", "status", "describe")}
    before["_container_details"] = Job._container_details
    before["describe_short"] = Job.describe_short
    terminate, describe = Job.terminate, Job.describe
    short, details = Job.describe_short, Job._container_details

    def stop(self: Job, reason: str) -> None:
        if self._status not in ENDED:
            terminate(self, reason)
        engine.wake()

    def short_form(self: Job) -> dict[str, Any]:
        # Moto tells times only of jobs whose state it advanced itself.
        form = short(self)
        if self.attempts and self.job_started_at.year > 1970:
            form["startedAt"] = int(self.job_started_at.timestamp() * 1000)
        form.update(_container_line(self))
        index = self.array_properties.get("index")
        if index is not None:
            form["arrayProperties"] = {"index": index}
        elif self._child_jobs:
            form["arrayProperties"] = {"size": len(self._child_jobs)}
        return form

    def container(self: Job) -> dict[str, Any]:
        form = details(self)
        form["image"] = (self.job_definition.container_properties or {}).get("image", "")
        if self.exit_code is not None:
            form["exitCode"] = self.exit_code
        if self.attempts:
            last = self.attempts[-1]["container"]
            known = ("reason", "containerInstanceArn", "taskArn")
            form.update({k: last[k] for k in known if k in last})
        return form

    def long_form(self: Job) -> dict[str, Any]:
        form = describe(self)
        form["status"] = engine.status(self)
        index = self.array_properties.get("index")
        if index is not None:
            form["arrayProperties"] = {"index": index}
        return form

    def run(self: Job) -> None:
        engine.run(self)

    Job.run = run  # type: ignore[method-assign]
    Job.terminate = stop  # type: ignore[method-assign]
    Job.status = property(engine.status, lambda _self, _value: None)  # type: ignore[assignment]
    Job.describe_short = short_form  # type: ignore[method-assign]
    Job.describe = long_form  # type: ignore[method-assign]
    Job._container_details = container  # type: ignore[method-assign]
    try:
        with _judging_definitions():
            yield
    finally:
        for name, value in before.items():
            if value is None:
                delattr(Job, name)
            else:
                setattr(Job, name, value)
