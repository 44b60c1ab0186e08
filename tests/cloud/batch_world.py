"""A platform whose jobs run on the stand-in for AWS Batch: registry, store, queues, runner, workers."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
import tempfile
import uuid
from pathlib import Path

import yaml
from aftermath import Baseline
from bridge.cloud import Cloud

from neurocaas_ci.model.digest import parse_sha256
from neurocaas_ci.run import records
from neurocaas_ci.stores.names import remember
from neurocaas_ci.stores.s3_blobs import S3Blobs
from neurocaas_ci.stores.s3_state import S3State

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "registry.example.org/neurocaas-worker@sha256:" + "c" * 64
HARDWARE = "m5.large"

_spec = importlib.util.spec_from_file_location(
    "loop_platform", ROOT / "tests/integration/loop/conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
loop = importlib.util.module_from_spec(_spec)
sys.modules["loop_platform"] = loop
_spec.loader.exec_module(loop)


def on_aws(blueprint: dict) -> dict:
    """Let the steps of a blueprint run on AWS, and here for comparison."""
    for step in blueprint["steps"]:
        step["hardware"] = {"default": HARDWARE, "allowed": [HARDWARE, "m5.xlarge", "laptop"]}
    return blueprint


def lay_out(folder: Path):
    """Make a platform in a folder; its blueprints take seconds and run on AWS."""
    platform = loop.lay_out(folder)
    for name, protocol, steps in (
        ("cloud", "parallel", ["work"]),
        ("cloud-chain", "chain", ["one", "two"]),
        ("cloud-ensemble", "ensemble", ["fit", "join"]),
    ):
        document = on_aws(loop.blueprint(name, protocol, steps))
        platform.write(f"registry/blueprints/{name}.yaml", document)
    narrow = on_aws(loop.blueprint("cloud-narrow", "chain", ["one", "two"]))
    narrow["limits"]["max_parallel"] = 2
    platform.write("registry/blueprints/cloud-narrow.yaml", narrow)
    hardware = platform.repo / f"registry/hardware/{HARDWARE}.yaml"
    text = hardware.read_text().replace("standard: 0.096", "standard: 0.096, save: 0.036")
    hardware.write_text(text)
    platform.commit("Machines of AWS")
    return platform


class BatchWorld:
    """One platform in one account, policies in force; `reconcile` is the CLI as the runner's user.

    Runner and workers share nothing but the store, a prefix of a bucket, and what an image has.
    """

    def __init__(self, cloud: Cloud, platform) -> None:
        self.cloud, self.platform = cloud, platform
        name = uuid.uuid4().hex[:12]
        self.bucket, self.prefix = f"bucket-{name}", f"platforms/{name}"
        prefix = self.prefix
        cloud.client("s3").create_bucket(Bucket=self.bucket)
        own = _own_prefix(self.bucket, prefix)
        self.own = own
        self.image = IMAGE.replace("worker", f"worker-{name}")
        cloud.host.images[self.image] = {
            "PATH": f"{programs(platform.repo.parent)}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "NEUROCAAS_CACHE": platform.env["NEUROCAAS_CACHE"],
        }
        platform.env |= {
            **cloud.variables(cloud.user(f"runner-{name}", [*own, *_runner()])),
            "NEUROCAAS_STORE": f"s3://{self.bucket}/{prefix}",
            "NEUROCAAS_BATCH_IMAGE": self.image,
            "NEUROCAAS_BATCH_POLL_SECONDS": "0.5",
        }
        self.state = S3State(self.bucket, prefix, cloud.client("s3"))
        lock = yaml.safe_load((platform.repo / "iae/probe/iae.lock").read_text())
        self.mark = f"environments/{parse_sha256(lock['image'])}"
        # Every machine has the environment, so nobody needs to send a hundred megabytes.
        self.state.write(self.mark, b"complete\n")
        self.baseline = Baseline(cloud)
        # Set to false by a test that leaves a job unfinished on purpose.
        self.closed = True
        self.shares = False
        # How many contents may be there that nothing names: a worker that is killed between its log
        # and its record leaves the log, which nobody will ever see.
        self.orphans = 0

    def share_role(self) -> None:
        """Let all jobs have one role, as where the runner may not make roles."""
        name = f"jobs-{self.prefix.rpartition('/')[2]}"
        role = self.cloud.role(name, "ecs-tasks.amazonaws.com", self.own)
        self.platform.env["NEUROCAAS_BATCH_ROLE"] = role
        self.shares = True
        self.baseline = Baseline(self.cloud)

    def inside(self, **variables: str) -> None:
        """Set environment variables of the workers that start from now on; an empty one goes."""
        found = {**self.cloud.host.images[self.image], **variables}
        self.cloud.host.images[self.image] = {k: v for k, v in found.items() if v}

    def reconcile(self, *arguments: str, code: int | None = 0):
        return self.platform.reconcile("--executor", "aws-batch", *arguments, code=code)

    def start(self):
        """Start a runner that goes on beside the test."""
        options = ("--no-fetch", "--no-cache", "--executor", "aws-batch")
        return self.platform.start("reconcile", *options)

    def put(self, *contents: str) -> list[dict]:
        """Store datasets as `data put` does it, in one go; return entries for a manifest."""
        blobs, entries = S3Blobs(self.bucket, self.prefix, self.cloud.client("s3")), []
        for content in contents:
            blob = blobs.put(io.BytesIO(content.encode()))
            name = f"{blob.sha256[:8]}.txt"
            remember(self.state, name, blob)
            uri = f"store:{name}"
            entries.append({"uri": uri, "sha256": blob.sha256, "size": blob.size})
        return entries

    def job(self, name: str, data: list[dict], *, blueprint: str = "cloud", **fields) -> str:
        return self.platform.job(name, data, blueprint=blueprint, **fields)

    def document(self, key: str) -> dict | None:
        data = self.state.read(key)
        return None if data is None else json.loads(data)

    def records(self, job: str) -> dict[str, dict]:
        keys = [k for k in self.state.keys(f"jobs/{job}/runs") if k.endswith("/record.json")]
        return {key.split("/")[-2]: json.loads(self.state.read(key) or b"") for key in keys}

    def job_record(self, job: str) -> dict:
        return json.loads(self.state.read(records.job_key(job)) or b"")

    def has_started(self, job: str, run: str) -> bool:
        return self.state.read(records.attempt_key(job, run)) is not None

    def journal(self, job: str) -> list[dict]:
        document = self.document(f"jobs/{job}/aws-batch/submissions.json")
        return [] if document is None else document["submissions"]

    def handles(self, job: str) -> list[str]:
        """Return the ids that Batch gave to what was submitted for a job."""
        return [s["handle"] for s in self.journal(job) if s["handle"]]


def programs(folder: Path) -> Path:
    """Make a folder in which `neurocaas` is the worker that a test can bring into trouble."""
    made = folder / "bin"
    made.mkdir()
    program = made / "neurocaas"
    worker = Path(__file__).with_name("troubled_worker.py")
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {worker} "$@"\n')
    program.chmod(0o755)
    return made


def _own_prefix(bucket: str, prefix: str) -> list[dict]:
    """Return the statements that let somebody use one store and nothing else of S3."""
    objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    objects += ["s3:DeleteObjectVersion", "s3:ListMultipartUploadParts"]
    bucket_wide = ["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions"]
    arn = f"arn:aws:s3:::{bucket}"
    return [
        {"Effect": "Allow", "Action": objects, "Resource": f"{arn}/{prefix}/*"},
        {"Effect": "Allow", "Action": bucket_wide, "Resource": arn},
    ]


def _runner() -> list[dict]:
    """Return what docs/aws-batch.md says that the runner needs beside the store."""
    engine = [
        "batch:SubmitJob", "batch:RegisterJobDefinition", "batch:DeregisterJobDefinition",
        "batch:CreateConsumableResource", "batch:DeleteConsumableResource", "batch:DescribeConsumableResource", "batch:TagResource", "batch:TerminateJob",
        "batch:DescribeJobs", "batch:DescribeJobDefinitions", "batch:ListJobs", "logs:GetLogEvents",
    ]  # fmt: skip
    return [
        # IAM does not care for case; moto does, and says the actions of Batch in small letters.
        {"Effect": "Allow", "Action": [*engine, *map(str.lower, engine)], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": [
                "iam:CreateRole",
                "iam:GetRole",
                "iam:PutRolePolicy",
                "iam:DeleteRolePolicy",
                "iam:DeleteRole",
                "iam:TagRole",
                "iam:PassRole",
            ],
            # On AWS role/neurocaas/neurocaas-job-*; moto does not look which role it is.
            "Resource": "*",
        },
    ]


def folder(prefix: str = "neurocaas-batch-") -> Path:
    """Make a folder that nobody's uid can search."""
    made = Path(tempfile.mkdtemp(prefix=prefix))
    made.chmod(0o755)
    return made
