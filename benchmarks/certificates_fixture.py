"""A registry with thousands of certified jobs, made by `git fast-import` and the local signer."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from neurocaas_ci.certify.layout import certificate_path
from neurocaas_ci.certify.statement import CertifiedRun, CommittedFile, JobFacts, make_statement
from neurocaas_ci.model.digest import Sha256, sha256_bytes
from neurocaas_ci.model.registry import Dataset
from neurocaas_ci.model.run import Isolation, LogFile, OutputFile, RunRecord, Usage
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.tree import blob_id
from neurocaas_ci.run.machine import machine_facts
from neurocaas_ci.signing.interface import Origin
from neurocaas_ci.signing.local_sigstore import LocalSigstore

BLUEPRINT = "registry/blueprints/bench.yaml"
_MANIFEST = """\
schema: neurocaas/job/v1
name: {name}
user: ada
group: example-lab
blueprint: bench@1.0.0
datasets:
  - {{uri: "store:{name}.bin", sha256: "{sha256}", size: 1000000}}
parameters: {{}}
pricing: standard
max_runtime: 5m
"""
_PER_MONTH = 100
_WHO = "ada <ada@example.org>"


def digest(text: str) -> Sha256:
    """Return a digest that stands for a content nobody needs."""
    return sha256_bytes(text.encode())


def make_facts(job: str, registry_commit: str, manifest: bytes, published: GitTree) -> JobFacts:
    """Return the facts of a job with one run and two outputs."""
    name = job.rpartition("/")[2]
    blueprint = published.read(BLUEPRINT) or b""
    lock = Registry(published).iae_lock("bench-stdlib").value
    assert lock is not None
    dataset = Dataset(f"store:{name}.bin", digest(name), 1_000_000)
    record = RunRecord(
        job=job, run="001-work", step="work", identity=digest("identity" + name),
        status="succeeded", reason="exited", message="", exit_code=0, image=lock.image, inputs=(),
        outputs=(OutputFile("reduced.bin", digest("r" + name), 1000),
                 OutputFile("summary.json", digest("s" + name), 100)),
        log=LogFile(digest("l" + name), 10), usage=Usage(0.1, 0.05, 10_000_000),
        isolation=Isolation("sandbox", user_namespace=True, network=False, seccomp=True),
        hardware="laptop", started="2026-11-01T00:00:00.000Z", ended="2026-11-01T00:00:00.100Z",
    )  # fmt: skip
    path = f"registry/jobs/{job}.yaml"
    return JobFacts(
        job=job,
        manifest=CommittedFile(path, registry_commit, blob_id(manifest), sha256_bytes(manifest)),
        blueprint=CommittedFile(
            BLUEPRINT, published.commit, blob_id(blueprint), sha256_bytes(blueprint)
        ),
        reference="bench@1.0.0",
        parameters={},
        plan={
            "images": {"work": {"iae": "bench-stdlib", "recipe": lock.recipe, "image": lock.image,
                                "config": lock.config}},
            "steps": {"work": {"hardware": "laptop", "determinism": "none", "max_runtime": 300,
                               "limits": {"memory": 512_000_000}}},
            "pricing": "standard",
        },
        datasets=(dataset,),
        runs=(CertifiedRun(record, digest("record" + name), 0.0),),
        status="succeeded", message="", record=digest("job" + name), host=machine_facts(),
        wall_s=0.1, cpu_s=0.05, cost_usd=0.0,
        started="2026-11-01T00:00:00.000Z", ended="2026-11-01T00:00:00.100Z",
    )  # fmt: skip


class Certified:
    """A registry in `folder/registry` whose main has so many certificates of one instance."""

    def __init__(self, folder: Path, source: Path, blueprint: str, count: int) -> None:
        self.repo = folder / "registry"
        self.signer = LocalSigstore.open(folder / "signing")
        self.env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        for part in ("registry/hardware", "registry/users", "registry/groups", "iae/bench-stdlib"):
            shutil.copytree(source / part, self.repo / part)
        (self.repo / BLUEPRINT).parent.mkdir()
        (self.repo / BLUEPRINT).write_text(blueprint)
        self._git("init", "-q", "-b", "main")
        self._git("add", "-A")
        self._git(
            "-c", "user.name=ada", "-c", "user.email=ada@example.org", "commit", "-qm", "Publish"
        )
        self.jobs = [f"ada/{_month(n // _PER_MONTH)}/job-{n:05d}" for n in range(count)]
        manifests = [self._manifest(job) for job in self.jobs]
        self._import(self._submissions(manifests))
        line = self._git("rev-list", "--first-parent", "--reverse", "main").split()
        self.root = line[0]
        self.commits = line[1:]
        self._import(self._certificates(manifests))
        self._git("reset", "-q")

    def origin(self) -> Origin:
        """Return what the signing certificates say."""
        repository = f"urn:neurocaas:registry:{self.root}"
        return self.signer.origin(repository, "refs/heads/main", self.commits[-1])

    def _certificates(self, manifests: list[bytes]) -> Iterator[bytes]:
        yield b"commit refs/heads/main\ncommitter " + _WHO.encode() + b" 1767225600 +0000\n"
        yield b"data 7\nCertify\nfrom refs/heads/main^0\n"
        with GitTree(self.repo, self.root) as published:
            for job, commit, manifest in zip(self.jobs, self.commits, manifests, strict=True):
                origin = self.origin()
                statement = make_statement(make_facts(job, commit, manifest, published), origin)
                yield _file(certificate_path(job), self.signer.sign(statement, origin))

    def _submissions(self, manifests: list[bytes]) -> Iterator[bytes]:
        for job, manifest in zip(self.jobs, manifests, strict=True):
            yield b"commit refs/heads/main\ncommitter " + _WHO.encode() + b" 1767225600 +0000\n"
            yield b"data 6\nSubmit\n"
            if job == self.jobs[0]:
                yield b"from refs/heads/main^0\n"
            yield _file(f"registry/jobs/{job}.yaml", manifest)

    def _manifest(self, job: str) -> bytes:
        name = job.rpartition("/")[2]
        return _MANIFEST.format(name=name, sha256=digest(name)).encode()

    def _import(self, stream: Iterator[bytes]) -> None:
        command = ["git", "-C", str(self.repo), "fast-import", "--quiet"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=self.env) as process:
            assert process.stdin is not None
            for part in stream:
                process.stdin.write(part)
            process.stdin.close()
        if process.returncode:
            raise SystemExit("git fast-import failed")

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.repo, env=self.env, check=True, capture_output=True,
            text=True,
        )  # fmt: skip
        return done.stdout


def _file(path: str, content: bytes) -> bytes:
    return b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content)


def _month(number: int) -> str:
    return f"{2000 + number // 12}-{number % 12 + 1:02d}"
