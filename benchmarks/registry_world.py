"""A large registry as a bare repository of git: users, blueprints, jobs and their certificates.

    python benchmarks/registry_world.py 1000 FOLDER

The history is linear, as a platform that merges one pull request after the other leaves it: one commit per job,
certificates of a few jobs at a time in commits of their own some jobs later, new versions of blueprints in between.
Equal numbers give equal repositories. `refs/heads/main` is the registry, `refs/heads/change` has
one more commit with one new job.

The certificates are well-formed but unsigned: the bundle, the statement and its cost are what the
certifier writes, with made-up signature, signer and commit ids. Reading them is what is measured;
signing 90,000 of them would take longer than everything else together, and nothing here verifies.

`git gc` packs the repository as a server does: one pack, a reachability bitmap and a commit graph
(without changed-path filters, which git does not make by itself).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from certificates_fixture import digest
from platform_fixture import BLUEPRINT

from neurocaas_ci.certify.layout import certificate_path
from neurocaas_ci.certify.statement import CertifiedRun, CommittedFile, JobFacts, make_statement
from neurocaas_ci.model.registry import Dataset
from neurocaas_ci.model.run import Isolation, LogFile, OutputFile, RunRecord, Usage
from neurocaas_ci.registry.tree import blob_id
from neurocaas_ci.signing.envelope import BUNDLE_TYPE, PAYLOAD_TYPE, b64
from neurocaas_ci.signing.interface import Origin

ROOT = Path(__file__).resolve().parent.parent
PER_USER = 102
BLUEPRINTS = 20
VERSIONS = ("1.0.0", "1.1.0", "1.1.1", "2.0.0")
GROUPS = 8
MONTHS = 24
_CERTIFIED_LATER = 25
_CERTIFIED_AT_ONCE = 4
_START = 1_704_067_200  # 2024-01-01
_SECONDS = 63_158_400  # until 2026-01-01
_HARDWARE = ("laptop", "m5.large", "m5.xlarge")
_ORIGIN = Origin("urn:neurocaas:registry:" + "9" * 40, "refs/heads/main", "3" * 40, "urn:uuid:42", "local")  # fmt: skip


@dataclass(frozen=True)
class World:
    """A generated registry: its repository, both commits, and a user with jobs in it."""

    repo: Path
    jobs: int
    main: str
    change: str
    user: str


@dataclass(frozen=True)
class _Job:
    number: int
    login: str
    time: int
    blueprint: str
    version: str

    @property
    def id(self) -> str:
        month = dt.datetime.fromtimestamp(self.time, tz=dt.UTC).strftime("%Y-%m")
        return f"{self.login}/{month}/job-{self.number:06d}"

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        names = [f"{self.number:06d}-{index}" for index in range(1 + self.number % 3)]
        return tuple(Dataset(f"store:{n}.bin", digest(n), 1_000_000) for n in names)

    def manifest(self) -> bytes:
        datasets = "".join(
            f'  - {{uri: "{d.uri}", sha256: "{d.sha256}", size: {d.size}}}\n' for d in self.datasets
        )
        return (
            f"schema: neurocaas/job/v1\nname: job-{self.number:06d}\nuser: {self.login}\n"
            f"group: {_group(_number(self.login))}\n"
            f"blueprint: {self.blueprint}@{self.version}\ndatasets:\n{datasets}"
            "parameters: {}\npricing: standard\nmax_runtime: 3m\n"
        ).encode()


def make(jobs: int, work: Path) -> World:
    """Return the registry with so many jobs in a folder, made there unless it is there already."""
    source = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    repo = work / f"registry-{jobs}-{source}.git"
    if not repo.exists():
        unfinished = repo.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        _git(work, "init", "-q", "--bare", "-b", "main", str(unfinished))
        _import(unfinished, _history(jobs))
        _git(unfinished, "gc", "-q", "--prune=now")
        unfinished.rename(repo)
    main, change = _git(repo, "rev-parse", "refs/heads/main", "refs/heads/change").split()
    return World(repo, jobs, main, change, _login(0))


def _history(jobs: int) -> Iterator[bytes]:
    users = max(2, jobs // PER_USER)
    steps = max(1, _SECONDS // (jobs + 1))
    waiting: list[_Job] = []
    yield _commit("main", "operator", _START - 1, "Publish")
    for path, content in _beginning(users):
        yield _file(path, content)
    version = 0
    for number in range(jobs):
        now = _START + number * steps
        if number * len(VERSIONS) // jobs > version:
            version += 1
            for index in range(BLUEPRINTS):
                yield _commit(
                    "main", "operator", now, f"Publish analysis-{index} {VERSIONS[version]}"
                )
                yield _file(*_blueprint(index, VERSIONS[version]))
        # Most jobs ask for the newest version, some for one of the older ones.
        asked = version if number % 10 else number // 10 % (version + 1)
        job = _Job(number, _login(number * 7919 % users), now, _name(number * 31 % BLUEPRINTS), VERSIONS[asked])  # fmt: skip
        yield _commit("main", job.login, now, f"Submit {job.id}")
        yield _file(f"registry/jobs/{job.id}.yaml", job.manifest())
        if number % 10:
            waiting.append(job)
        if len(waiting) >= _CERTIFIED_LATER:
            yield from _certify(waiting[:_CERTIFIED_AT_ONCE], now)
            del waiting[:_CERTIFIED_AT_ONCE]
    end = _START + jobs * steps
    for start in range(0, len(waiting), _CERTIFIED_AT_ONCE):
        yield from _certify(waiting[start : start + _CERTIFIED_AT_ONCE], end)
    job = _Job(jobs, _login(0), end, _name(0), VERSIONS[version])
    yield b"reset refs/heads/change\nfrom refs/heads/main\n\n"
    yield _commit("change", job.login, end, f"Submit {job.id}")
    yield _file(f"registry/jobs/{job.id}.yaml", job.manifest())


def _beginning(users: int) -> Iterator[tuple[str, bytes]]:
    for part in ("iae/bench-stdlib", "registry/hardware"):
        for path in sorted((ROOT / part).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path.read_bytes()
    yield "registry/policy.yaml", b"schema: neurocaas/policy/v1\nmaintainers: [user-00001]\n"
    for index in range(BLUEPRINTS):
        yield _blueprint(index, VERSIONS[0])
    for number in range(users):
        login = _login(number)
        text = (
            f"schema: neurocaas/user/v1\nlogin: {login}\nforge_id: {1000 + number}\n"
            f"name: User {number}\nbudget_usd: 500\ngroups: [{_group(number)}]\n"
        )
        yield f"registry/users/{login}.yaml", text.encode()
    for group in sorted({_group(number) for number in range(users)}):
        members = ", ".join(_login(n) for n in range(users) if _group(n) == group)
        text = (
            f"schema: neurocaas/group/v1\nname: {group}\ntitle: Laboratory\n"
            f"budget_usd: 100000\nmembers: [{members}]\n"
        )
        yield f"registry/groups/{group}.yaml", text.encode()


def _blueprint(index: int, version: str) -> tuple[str, bytes]:
    text = (
        BLUEPRINT.replace("name: bench\n", f"name: {_name(index)}\n")
        .replace("version: 1.0.0", f"version: {version}")
        .replace("maintainers: [ada]", "maintainers: [user-00000]")
        .replace('[{citation: "none"}]', '[{citation: "None 1999", url: "https://example.org"}]')
        .replace(
            "{default: laptop, allowed: [laptop]}",
            f"{{default: {_HARDWARE[index % 3]}, allowed: [{', '.join(_HARDWARE)}]}}",
        )
    )
    return f"registry/blueprints/{_name(index)}.yaml", text.encode()


def _certify(jobs: list[_Job], now: int) -> Iterator[bytes]:
    yield _commit("main", "operator", now, f"Certify {len(jobs)} jobs")
    for job in jobs:
        yield _file(certificate_path(job.id), _bundle(job))


def _bundle(job: _Job) -> bytes:
    statement = make_statement(_facts(job), _ORIGIN)
    envelope = {
        "payload": b64(statement),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": b64(b"unsigned")}],
    }
    document = {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {
            "certificate": {"rawBytes": b64(b"nobody")},
            "tlogEntries": [],
        },
        "dsseEnvelope": envelope,
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _facts(job: _Job) -> JobFacts:
    path = f"registry/jobs/{job.id}.yaml"
    manifest, blueprint = job.manifest(), digest(job.blueprint + job.version)
    times = {"started": "2026-11-01T00:00:00.000Z", "ended": "2026-11-01T00:01:00.000Z"}
    cost = 0.000_01 * (1 + job.number % 97)
    records = [
        RunRecord(
            job=job.id, run=f"{index + 1:03d}-work", step="work", identity=data.sha256, image=blueprint,
            status="succeeded", reason="exited", message="", exit_code=0, inputs=(), hardware="laptop",
            outputs=(OutputFile("reduced.bin", digest(data.uri), 1000),),
            log=LogFile(blueprint, 10), usage=Usage(60.0, 55.0, 10_000_000),
            isolation=Isolation("sandbox", user_namespace=True, network=False, seccomp=True), **times,
        )
        for index, data in enumerate(job.datasets)
    ]  # fmt: skip
    return JobFacts(
        job=job.id,
        manifest=CommittedFile(path, "1" * 40, blob_id(manifest), digest(job.id)),
        blueprint=CommittedFile(f"registry/blueprints/{job.blueprint}.yaml", "2" * 40, "6" * 40, blueprint),
        reference=f"{job.blueprint}@{job.version}", parameters={},
        plan={
            "images": {"work": {"iae": "bench-stdlib", "recipe": blueprint, "image": blueprint,
                                "config": blueprint}},
            "steps": {"work": {"hardware": "laptop", "determinism": "none", "max_runtime": 180,
                               "limits": {"memory": 512_000_000}}},
            "pricing": "standard",
        },
        datasets=job.datasets, runs=tuple(CertifiedRun(r, r.identity, cost) for r in records),
        status="succeeded", message="", record=digest(path),
        host={"cpu_model": "A processor", "cpu_flags": ["avx2", "fma"], "cpus": 2},
        wall_s=60.0, cpu_s=55.0, cost_usd=cost * len(records), **times,
    )  # fmt: skip


def _login(number: int) -> str:
    return f"user-{number:05d}"


def _number(login: str) -> int:
    return int(login.rpartition("-")[2])


def _group(number: int) -> str:
    return f"lab-{number % GROUPS}"


def _name(index: int) -> str:
    return f"analysis-{index:02d}"


def _commit(branch: str, who: str, time: int, message: str) -> bytes:
    return (
        f"commit refs/heads/{branch}\ncommitter {who} <{who}@example.org> {time} +0000\n"
        f"data {len(message)}\n{message}\n"
    ).encode()


def _file(path: str, content: bytes) -> bytes:
    return b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content)


def _import(repo: Path, stream: Iterator[bytes]) -> None:
    command = ["git", "-C", str(repo), "fast-import", "--quiet"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=_environment()) as process:
        assert process.stdin is not None
        for part in stream:
            process.stdin.write(part)
        process.stdin.close()
    if process.returncode:
        raise SystemExit("git fast-import failed")


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments],
        check=True, stdout=subprocess.PIPE, text=True, env=_environment(),
    ).stdout  # fmt: skip


def _environment() -> dict[str, str]:
    plain = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return {**plain, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def main() -> None:
    """Make one registry and print where it is."""
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    world = make(int(sys.argv[1]), folder)
    print(f"repo {world.repo}\nmain {world.main}\nchange {world.change}\nuser {world.user}")


if __name__ == "__main__":
    main()
