"""A platform whose jobs run on the stand-in for AWS Batch: registry, store, queues, runner, workers."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path

from bridge.cloud import Cloud

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
    hardware = platform.repo / f"registry/hardware/{HARDWARE}.yaml"
    text = hardware.read_text().replace("standard: 0.096", "standard: 0.096, save: 0.036")
    hardware.write_text(text)
    platform.commit("Machines of AWS")
    return platform


class BatchWorld:
    """One platform in one account; `run` is the CLI with the runner's credentials."""

    def __init__(self, cloud: Cloud, platform) -> None:
        self.cloud, self.platform = cloud, platform
        self.role = cloud.role(f"jobs-{platform.home.parent.name}", "ecs-tasks.amazonaws.com", JOB)
        cloud.host.images[IMAGE] = self.inside()
        platform.env |= {
            **cloud.variables(),
            "NEUROCAAS_STORE": "s3://unused/yet",
            "NEUROCAAS_BATCH_IMAGE": IMAGE,
            "NEUROCAAS_BATCH_ROLE": self.role,
            "NEUROCAAS_BATCH_POLL_SECONDS": "0.3",
        }

    def inside(self) -> dict[str, str]:
        """Return what the worker's image sets: programs, and environments that were built before."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "NEUROCAAS_CACHE": self.platform.env["NEUROCAAS_CACHE"],
            "NEUROCAAS_HOME": str(self.platform.home),
        }

    def reconcile(self, *arguments: str, code: int | None = 0):
        return self.platform.reconcile("--executor", "aws-batch", *arguments, code=code)

    def job(self, name: str, data: list[dict], *, blueprint: str = "cloud", **fields) -> str:
        return self.platform.job(name, data, blueprint=blueprint, **fields)

    def journal(self, job: str) -> list[dict]:
        path = self.platform.state(job, "aws-batch", "submissions.json")
        return json.loads(path.read_bytes())["submissions"] if path.exists() else []

    def handles(self, job: str) -> list[str]:
        """Return the ids that Batch gave to what was submitted for a job."""
        return [s["handle"] for s in self.journal(job) if s["handle"]]


JOB = [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]


def folder(prefix: str = "neurocaas-batch-") -> Path:
    """Make a folder that nobody's uid can search."""
    made = Path(tempfile.mkdtemp(prefix=prefix))
    made.chmod(0o755)
    return made
