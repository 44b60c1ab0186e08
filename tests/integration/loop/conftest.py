"""A real platform in a folder: a registry in git, a captured environment, a store, the real CLI."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml

WORKFLOW = Path(__file__).with_name("probe_workflow.py")
MONTH = "2026-11"

IAE = {
    "schema": "neurocaas/iae/v1",
    "name": "probe",
    "platform": "linux/amd64",
    "base": {"kind": "host"},
    "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    "entrypoint": [
        f"/opt/python/bin/python{sys.version_info.major}.{sys.version_info.minor}",
        "-I",
        "/iae/workflow.py",
    ],
    "determinism": "none",
    "environment": {},
    "sample": "sample",
}


def blueprint(name, protocol, steps, **changes):
    limits = {"memory": "200MB", "processes": 64, "output_size": "20MB", "output_files": 1000,
              "file_size": "20MB", "log_size": "1MB", "tmp_size": "20MB"}  # fmt: skip
    return {
        "schema": "neurocaas/blueprint/v1",
        "name": name,
        "version": "1.0.0",
        "title": "A probe of the platform",
        "summary": "Does what its parameters say, to test what happens then.",
        "subfield": "Tests",
        "references": [{"citation": "none"}],
        "license": "Apache-2.0",
        "maintainers": ["ada"],
        "stage": "open",
        "groups": [],
        "protocol": protocol,
        "steps": [
            {"id": s, "iae": "probe", "hardware": {"default": "laptop", "allowed": ["laptop"]},
             "max_runtime": "1m", "limits": limits}
            for s in steps
        ],
        "datasets": {"suffixes": [".txt"], "max_size": "10MB"},
        "parameters": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "mode": {"type": "string", "default": "ok", "description": "What to do."},
                "seconds": {"type": "number", "default": 0, "description": "Seconds to take."},
                "replicas": {"type": "integer", "minimum": 1, "maximum": 9, "default": 2,
                             "description": "Ensemble size."},
            },
        },
        "outputs": [{"path": "result.json", "compare": {"kind": "exact"}}],
        "limits": {"max_parallel": 100, "max_cost_usd": 300},
        **changes,
    }  # fmt: skip


class Platform:
    """Everything below one folder that uid 65534 can reach."""

    def __init__(self, folder: Path, cache: Path | None = None) -> None:
        self.repo = folder / "registry"
        self.home = folder / "home"
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "NEUROCAAS_"))},
            "NEUROCAAS_HOME": str(self.home),
            "NEUROCAAS_CACHE": str(cache or self.home / "cache"),
            "NEUROCAAS_USER": "ada",
            "HOME": str(folder),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "ada",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
        }

    def write(self, path: str, content: object) -> None:
        target = self.repo / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content if isinstance(content, str) else yaml.safe_dump(content))

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.repo, env=self.env, check=True, capture_output=True,
            text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self, message: str = "change") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "neurocaas_ci.cli.main", *arguments]

    def run(self, *arguments: str, code: int | None = 0, timeout: float = 100):
        done = subprocess.run(
            self.command(*arguments), cwd=self.repo, env=self.env, capture_output=True, text=True,
            timeout=timeout, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        if code is not None:
            assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            self.command(*arguments), cwd=self.repo, env=self.env, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    @property
    def root(self) -> str:
        """The trusted root of this machine's signing instance."""
        return str(self.home / "signing/trusted_root.json")

    def audit(self, *arguments: str, code: int | None = 0):
        """Run one of the auditor's commands with this machine's root, without a network."""
        return self.run(*arguments, "--offline", "--trust-root", self.root, code=code)

    def reconcile(self, *arguments: str, code: int | None = 0):
        return self.run("reconcile", "--no-fetch", *arguments, code=code)

    def put(self, *contents: str) -> list[dict]:
        """Put one dataset per content; return entries for a manifest."""
        entries = []
        for content in contents:
            path = self.repo.parent / f"d{len(list(self.repo.parent.glob('d*.txt'))):03d}.txt"
            path.write_text(content)
            uri, digest, size = self.run("data", "put", str(path)).stdout.split()
            entries.append({"uri": uri, "sha256": digest, "size": int(size)})
        return entries

    def job(self, name: str, datasets: list[dict], *, blueprint: str = "probe", **fields) -> str:
        parameters, version = fields.pop("parameters", {}), fields.pop("version", "1.0.0")
        manifest = {
            "schema": "neurocaas/job/v1", "name": name, "user": "ada", "group": "example-lab",
            "blueprint": f"{blueprint}@{version}", "datasets": datasets, "parameters": parameters,
            "pricing": "standard", **fields,
        }  # fmt: skip
        self.write(f"registry/jobs/ada/{MONTH}/{name}.yaml", manifest)
        self.commit(f"Submit {name}")
        return f"ada/{MONTH}/{name}"

    def state(self, job: str, *parts: str) -> Path:
        return self.home.joinpath("store", "state", "jobs", job, *parts)

    def record(self, job: str, run: str) -> dict:
        return json.loads(self.state(job, "runs", run, "record.json").read_bytes())

    def records(self, job: str) -> dict[str, dict]:
        folder = self.state(job, "runs")
        return {p.parent.name: json.loads(p.read_bytes()) for p in folder.glob("*/record.json")}

    def job_record(self, job: str) -> dict:
        return json.loads(self.state(job, "job.json").read_bytes())

    def blob(self, digest: str) -> Path:
        return self.home / "store/blobs/sha256" / digest[:2] / digest


def lay_out(folder: Path) -> Platform:
    """Make and lock a platform in a folder that everybody may search."""
    platform = Platform(folder)
    source = Path(__file__).resolve().parents[3]
    for part in ("registry/hardware", "registry/users", "registry/groups"):
        shutil.copytree(source / part, platform.repo / part)
    platform.git("init", "-q", "-b", "main")
    platform.write("iae/probe/iae.yaml", IAE)
    platform.write("iae/probe/workflow.py", WORKFLOW.read_text())
    platform.write("iae/probe/sample/config.yaml", json.dumps({"parameters": {}}))
    platform.write("iae/probe/sample/dataset/small.txt", "hello\n")
    platform.write("registry/blueprints/probe.yaml", blueprint("probe", "parallel", ["work"]))
    platform.write("registry/blueprints/chain.yaml", blueprint("chain", "chain", ["one", "two"]))
    platform.write(
        "registry/blueprints/ensemble.yaml", blueprint("ensemble", "ensemble", ["fit", "join"])
    )
    platform.write(
        "registry/blueprints/noisy.yaml",
        blueprint(
            "noisy",
            "parallel",
            ["work"],
            outputs=[
                {"path": "values.csv", "compare": {"kind": "array", "norm": "l2", "rtol": 1e-6}}
            ],
        ),
    )
    platform.run("iae", "lock", "probe")
    platform.commit("Publish the probe")
    return platform


@pytest.fixture(scope="session")
def _template():
    """Lay out and lock the platform once; tests get copies of it."""
    folder = Path(tempfile.mkdtemp(prefix="neurocaas-loop-"))
    folder.chmod(0o755)
    lay_out(folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def platform(_template, tmp_path_factory):
    """A fresh platform: its own registry and store, the shared cache of environments."""
    folder = Path(tempfile.mkdtemp(prefix="neurocaas-loop-"))
    folder.chmod(0o755)
    shutil.copytree(_template / "registry", folder / "registry", symlinks=True)
    yield Platform(folder, cache=_template / "home/cache")
    shutil.rmtree(folder, ignore_errors=True)
