"""The engines that `scale.py` measures: this machine, a real Slurm on one node, an emulated AWS Batch.

Each runs two tasks at once, of two processors' work. `trivial` is what the engine takes for as many
tasks that do nothing, started as its own users would; `job` is a job of ours.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from run import PARALLEL, ROOT, Bench

sys.path[:0] = [str(ROOT / "tests/slurm"), str(ROOT / "tests/cloud")]

Datasets = list[tuple[str, str]]
BATCH_HARDWARE = "m5.large"
_VCPUS = 2
_IMAGE = "registry.example.org/neurocaas-worker@sha256:" + "b" * 64
_LOOK = 0.1


class Job(NamedTuple):
    """One measured job of ours: seconds, and how often the engine was asked to take something."""

    seconds: float
    calls: int


class Engine(Protocol):
    """Something that runs N tasks."""

    name: str

    def trivial(self, count: int) -> float:
        """Return the seconds that so many tasks of `true` take, the engine's own way."""
        ...

    def job(self, datasets: Datasets) -> Job:
        """Run a job of ours on datasets of the platform."""
        ...


class Local:
    """This machine; its own way to run many tasks is `xargs`."""

    name = "local"

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def trivial(self, count: int) -> float:
        """Start `true` so often, two at once."""
        names = "\n".join(map(str, range(count)))
        start = time.perf_counter()
        subprocess.run(
            ["xargs", "-P", PARALLEL, "-I", "{}", "true"], input=names.encode(), check=True
        )
        return time.perf_counter() - start

    def job(self, datasets: Datasets) -> Job:
        """Run a job; nobody else is asked for anything."""
        return Job(self._bench.job_on(datasets)[1].wall, 0)


class Slurm:
    """The tests' cluster with one node of two processors."""

    name = "slurm"

    def __init__(self, bench: Bench, cluster: Any) -> None:
        self._bench, self._cluster = bench, cluster
        self._calls = bench.folder / "sbatch-calls"
        found = subprocess.run(
            ["/bin/sh", "-c", "command -v sbatch"],
            env=cluster.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        self._programs = _program(
            bench.folder / "slurm-bin", "sbatch", f'echo >>{self._calls}\nexec {found} "$@"'
        )

    def trivial(self, count: int) -> float:
        """Submit one array of `true` and wait until the queue is empty."""
        call = self._cluster.call
        start = time.perf_counter()
        call("sbatch", "--mem=100", "-o", "/dev/null", f"--array=0-{count - 1}", "--wrap=true")
        while call("squeue", "-h"):
            time.sleep(_LOOK)
        return time.perf_counter() - start

    def job(self, datasets: Datasets) -> Job:
        """Run a job; calls of sbatch are counted by a program of that name before it."""
        environment = self._cluster.environment
        self._calls.write_text("")
        with _variables(
            self._bench,
            PATH=f"{self._programs}:{environment['PATH']}",
            SLURM_CONF=environment["SLURM_CONF"],
            NEUROCAAS_EXECUTOR="slurm",
        ):
            seconds = self._bench.job_on(datasets)[1].wall
        return Job(seconds, len(self._calls.read_text().splitlines()))


class AwsBatch:
    """The tests' stand-in for AWS: its Batch starts each attempt as a process, S3 is in memory.

    Rights are not enforced here, which would only cost the stand-in time.
    """

    name = "aws-batch"

    def __init__(self, bench: Bench, cloud: Any) -> None:
        from neurocaas_ci.stores.s3_blobs import S3Blobs
        from neurocaas_ci.stores.s3_state import S3State

        self._bench, self._cloud = bench, cloud
        self._queue = f"neurocaas-{BATCH_HARDWARE.replace('.', '-')}-standard"
        cloud.queue(self._queue, BATCH_HARDWARE, vcpus=_VCPUS * int(PARALLEL))
        s3, bucket, prefix = cloud.client("s3"), "bench", "store"
        s3.create_bucket(Bucket=bucket)
        self._blobs, self._state = S3Blobs(bucket, prefix, s3), S3State(bucket, prefix, s3)
        worker = f'exec {sys.executable} -m neurocaas_ci.cli.main "$@"'
        programs = _program(bench.folder / "batch-bin", "neurocaas", worker)
        cloud.host.images[_IMAGE] = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            # As on a machine that has run the analysis before: no image is fetched.
            "NEUROCAAS_CACHE": str(bench.platform.home.cache),
        }
        self._variables = {
            **cloud.variables(),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NEUROCAAS_EXECUTOR": "aws-batch",
            "NEUROCAAS_STORE": f"s3://{bucket}/{prefix}",
            "NEUROCAAS_BATCH_IMAGE": _IMAGE,
            "NEUROCAAS_BATCH_ROLE": cloud.role("bench", "ecs-tasks.amazonaws.com"),
            "NEUROCAAS_BATCH_POLL_SECONDS": "1",
        }
        self._definition = cloud.client("batch").register_job_definition(
            jobDefinitionName="trivial",
            type="container",
            containerProperties={
                "image": _IMAGE,
                "command": ["true"],
                "resourceRequirements": [
                    {"type": "VCPU", "value": str(_VCPUS)},
                    {"type": "MEMORY", "value": "100"},
                ],
            },
        )["jobDefinitionArn"]

    def trivial(self, count: int) -> float:
        """Submit one array of `true` (a job of its own where N is 1) and wait for its end."""
        batch = self._cloud.client("batch")
        size = {"arrayProperties": {"size": count}} if count > 1 else {}
        start = time.perf_counter()
        handle = batch.submit_job(
            jobName="trivial", jobQueue=self._queue, jobDefinition=self._definition, **size
        )["jobId"]
        while (status := self._cloud.status(handle)) not in {"SUCCEEDED", "FAILED"}:
            time.sleep(_LOOK)
        if status == "FAILED":
            raise SystemExit("the trivial job failed on the stand-in for AWS Batch")
        return time.perf_counter() - start

    def job(self, datasets: Datasets) -> Job:
        """Run a job; calls of SubmitJob are counted where the stand-in answers them."""
        self._upload(datasets)
        with _counted_submissions() as calls, _variables(self._bench, **self._variables):
            seconds = self._bench.job_on(datasets, BATCH_HARDWARE)[1].wall
        return Job(seconds, len(calls))

    def _upload(self, datasets: Datasets) -> None:
        from neurocaas_ci.stores.names import remember

        def put(one: tuple[str, str]) -> None:
            with self._bench.platform.home.blobs.open(one[1]) as stream:  # type: ignore[arg-type]
                remember(self._state, one[0], self._blobs.put(stream))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, datasets))


@contextlib.contextmanager
def engines(bench: Bench, wanted: list[str]) -> Iterator[tuple[list[Engine], dict[str, str]]]:
    """Start the engines that were asked for; yield them, and by name why others are missing."""
    found: list[Engine] = []
    missing: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        if "local" in wanted:
            found.append(Local(bench))
        if "slurm" in wanted:
            import cluster

            if why := cluster.missing():
                missing["slurm"] = why
            else:
                found.append(Slurm(bench, stack.enter_context(cluster.Cluster(nodes=1))))
        if "aws-batch" in wanted:
            try:
                from bridge.cloud import running
            except ImportError as error:
                missing["aws-batch"] = f"no emulator of AWS: {error} (pip install 'moto[server]')"
            else:
                found.append(AwsBatch(bench, stack.enter_context(running())))
        yield found, missing


@contextlib.contextmanager
def _variables(bench: Bench, **variables: str) -> Iterator[None]:
    before: Mapping[str, str] = bench.platform.env
    plain = {k: v for k, v in before.items() if not k.startswith("AWS_")}
    bench.platform.env = {**plain, **variables}
    try:
        yield
    finally:
        bench.platform.env = dict(before)


@contextlib.contextmanager
def _counted_submissions() -> Iterator[list[str]]:
    """Yield a list that gets the name of each job that is submitted to the stand-in."""
    from moto.batch.models import BatchBackend

    submit, names = BatchBackend.submit_job, list[str]()

    def counted(self: BatchBackend, *arguments: Any, **named: Any) -> Any:
        names.append(str(named.get("job_name") or arguments[0]))
        return submit(self, *arguments, **named)

    BatchBackend.submit_job = counted  # type: ignore[method-assign]
    try:
        yield names
    finally:
        BatchBackend.submit_job = submit  # type: ignore[method-assign]


def _program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir()
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return folder
