"""One attempt of a Batch job: an instance in EC2, a process in a fresh folder, a log stream."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

from botocore.exceptions import ClientError

from bridge import fargate
from bridge.rules import EXITED, TIMED_OUT, AttemptEnd

_TICK = 0.03
_LOOK_AT_HOST = 0.3
_LAST_LINES = 10.0
_NO_LOGGING = (
    "CannotStartContainerError: Error response from daemon: failed to create task for container:"
    " failed to initialize logging driver: failed to create Cloudwatch log stream: RequestError"
)
_IMAGE_ID = "ami-12c6146b"  # one that moto knows; listing its images costs seconds


class Task(NamedTuple):
    """What an attempt is started with, all of it read from the job and its definition."""

    job_id: str
    queue: str
    environment_name: str
    instance_type: str
    spot: bool
    image: str
    command: list[str]
    variables: Mapping[str, str]
    role: str
    log_group: str
    log_prefix: str
    timeout: float | None
    attempt: int
    index: int | None
    fargate: bool = False


@dataclass
class Host:
    """The account in which attempts run: clients, known images, what runs now.

    `images` maps an image to the variables that are set inside it (PATH and the like); an image that
    is not there cannot be pulled. `pulls_to_fail` counts pulls that shall fail, by image. While
    `logs_down`, no container starts, and what others write is lost.
    """

    client: Callable[[str], Any]
    endpoint: str
    region: str
    images: dict[str, Mapping[str, str]] = field(default_factory=dict)
    pulls_to_fail: dict[str, int] = field(default_factory=dict)
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)
    logs_down: bool = False
    interrupted: set[str] = field(default_factory=set)  # tasks of Fargate that AWS takes back
    grace: float = 10.0  # seconds between TERM and KILL; on AWS it is 30

    def attempt(
        self,
        task: Task,
        stopped: Callable[[], str | None],
        started: Callable[[str, str], None],
        running: Callable[[], None],
    ) -> AttemptEnd:
        """Run one attempt to its end; the instance and the process are gone afterwards.

        `stopped` gives the reason of a termination, `started` hears the instance and the log stream.
        """
        instance = self._launch(task)
        folder = tempfile.mkdtemp(prefix=f"{instance}-")
        # A worker's sandbox runs as nobody, who must be able to search the folder.
        os.chmod(folder, 0o755)  # noqa: S103
        stream = f"{task.log_prefix}/default/{instance}"
        try:
            started(instance, stream)
            if self._pull_fails(task.image):
                reason = f"CannotPullContainerError: {task.image}: not found"
                return AttemptEnd(None, "Task failed to start", reason)
            if self.logs_down:
                return AttemptEnd(None, "Task failed to start", _NO_LOGGING)
            log = self._open_log(task.log_group, stream)
            process = self._start(task, folder)
            self.processes[process.pid] = process
            try:
                reader = threading.Thread(target=log, args=(process.stdout,), daemon=True)
                reader.start()
                running()
                end = self._watch(process, task, instance, stopped)
                reader.join(_LAST_LINES)
                return end
            finally:
                self._end(process, signal.SIGKILL)
                del self.processes[process.pid]
        finally:
            self._dissolve(instance)
            shutil.rmtree(folder, ignore_errors=True)

    def _watch(
        self,
        process: subprocess.Popen[bytes],
        task: Task,
        instance: str,
        stopped: Callable[[], str | None],
    ) -> AttemptEnd:
        began = time.monotonic()
        look = began + _LOOK_AT_HOST
        while (code := process.poll()) is None:
            now = time.monotonic()
            if (why := stopped()) is not None or self.closing.is_set():
                code = self._end(process, signal.SIGTERM)
                return AttemptEnd(code, why or "the host closes", final=True)
            if task.timeout is not None and now - began > task.timeout:
                return AttemptEnd(self._end(process, signal.SIGTERM), TIMED_OUT, final=True)
            if now > look:
                look = now + _LOOK_AT_HOST
                if not self._lives(instance):
                    self._end(process, signal.SIGKILL)
                    if task.fargate:
                        return AttemptEnd(None, fargate.INTERRUPTED)
                    return AttemptEnd(None, f"Host EC2 (instance {instance}) terminated.")
            time.sleep(_TICK)
        return AttemptEnd(_exit_code(code), EXITED)

    def _end(self, process: subprocess.Popen[bytes], number: signal.Signals) -> int:
        """Signal the whole session, wait, and make sure of it; return the exit code."""
        deadline = time.monotonic() + self.grace
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(_TICK)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return _exit_code(process.wait())

    def _launch(self, task: Task) -> str:
        if task.fargate:
            # No instance of the account: what carries a task is AWS' own.
            return uuid.uuid4().hex
        market = {"InstanceMarketOptions": {"MarketType": "spot"}} if task.spot else {}
        tags = {
            "neurocaas:job": task.job_id,
            "neurocaas:attempt": str(task.attempt),
            "neurocaas:compute-environment": task.environment_name,
        }
        answer = self.client("ec2").run_instances(
            ImageId=_IMAGE_ID,
            MinCount=1,
            MaxCount=1,
            InstanceType=task.instance_type,
            InstanceInitiatedShutdownBehavior="terminate",
            # On AWS the first interface goes with its instance; moto has to be told.
            NetworkInterfaces=[{"DeviceIndex": 0, "DeleteOnTermination": True}],
            TagSpecifications=[
                {
                    "ResourceType": "instance",
                    "Tags": [{"Key": k, "Value": v} for k, v in tags.items()],
                }
            ],
            **market,
        )
        return str(answer["Instances"][0]["InstanceId"])

    def _lives(self, instance: str) -> bool:
        if not instance.startswith("i-"):
            return instance not in self.interrupted
        found = self.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"]
        return bool(found) and found[0]["Instances"][0]["State"]["Name"] in {"pending", "running"}

    def _dissolve(self, instance: str) -> None:
        if instance.startswith("i-") and self._lives(instance):
            self.client("ec2").terminate_instances(InstanceIds=[instance])

    def _pull_fails(self, image: str) -> bool:
        if self.pulls_to_fail.get(image, 0) > 0:
            self.pulls_to_fail[image] -= 1
            return True
        return image not in self.images

    def _start(self, task: Task, folder: str) -> subprocess.Popen[bytes]:
        # Should this process be killed, nobody else would end what it started.
        tied = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
        if task.fargate:
            tied += [sys.executable, str(fargate.BOX)]
        return subprocess.Popen(
            [*tied, *task.command],
            cwd=folder,
            env=self._variables(task, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _variables(self, task: Task, folder: str) -> dict[str, str]:
        """Return what the container sees: nothing of this process, only the job role's credentials."""
        variables = {
            "PATH": os.defpath,
            "HOME": folder,
            "LANG": "C.UTF-8",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.images[task.image],
            **{k: v for k, v in task.variables.items() if not k.startswith("AWS_BATCH_")},
            "AWS_BATCH_JOB_ID": task.job_id,
            "AWS_BATCH_JOB_ATTEMPT": str(task.attempt),
            "AWS_BATCH_JQ_NAME": task.queue,
            "AWS_BATCH_CE_NAME": task.environment_name,
        }
        if task.fargate:
            variables["AWS_EXECUTION_ENV"] = "AWS_ECS_FARGATE"
        elif "NEUROCAAS_MACHINE_FOLDER" in variables:
            # What the job definition mounts from its host: each attempt here has a host of its own.
            variables["NEUROCAAS_MACHINE_FOLDER"] = f"{folder}/machine"
        if task.index is not None:
            variables["AWS_BATCH_JOB_ARRAY_INDEX"] = str(task.index)
        if task.role:
            session = f"batch-{task.job_id[:8]}"
            lent = self.client("sts").assume_role(RoleArn=task.role, RoleSessionName=session)
            variables["AWS_ACCESS_KEY_ID"] = lent["Credentials"]["AccessKeyId"]
            variables["AWS_SECRET_ACCESS_KEY"] = lent["Credentials"]["SecretAccessKey"]
            variables["AWS_SESSION_TOKEN"] = lent["Credentials"]["SessionToken"]
        return variables

    def _open_log(self, group: str, stream: str) -> Callable[[IO[bytes]], None]:
        logs = self.client("logs")
        for create, name in (
            (logs.create_log_group, {}),
            (logs.create_log_stream, {"logStreamName": stream}),
        ):
            try:
                create(logGroupName=group, **name)
            except ClientError as error:
                # Not `logs.exceptions`: botocore makes that class anew in each thread that asks.
                if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                    raise

        def copy(lines: IO[bytes]) -> None:
            for line in lines:
                text = line.decode("utf-8", "replace").rstrip("\n") or " "
                event = {"timestamp": int(time.time() * 1000), "message": text}
                # A log service that is down loses lines; no job ends for that.
                with contextlib.suppress(Exception):
                    if self.logs_down:
                        continue
                    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])

        return copy


def _exit_code(code: int) -> int:
    return code if code >= 0 else 128 - code
