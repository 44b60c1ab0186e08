"""Facts of a job as tests of statements and certificates need them."""

from __future__ import annotations

from dataclasses import replace

from neurocaas_ci.certify.statement import CertifiedRun, CommittedFile, JobFacts
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.registry import Dataset
from neurocaas_ci.model.run import Isolation, LogFile, OutputFile, RunRecord, Usage
from neurocaas_ci.signing.interface import Origin

JOB = "ada/2026-11/tracking"
ORIGIN = Origin(
    "urn:neurocaas:registry:" + "9" * 40, "refs/heads/main", "3" * 40, "urn:uuid:42", "local"
)


def digest(letter: str) -> Sha256:
    return Sha256(letter * 64)


def make_record(run="001-smooth", **changes) -> RunRecord:
    record = RunRecord(
        job=JOB, run=run, step="smooth", identity=digest("1"), status="succeeded", reason="exited",
        message="", exit_code=0, image=digest("d"), inputs=(),
        outputs=(OutputFile("smoothed.npz", digest("a"), 10), OutputFile("sub/f.csv", digest("b"), 2)),
        log=LogFile(digest("c"), 5), usage=Usage(1.5, 1.25, 4096),
        isolation=Isolation("sandbox", True, False, True, "v1", ("memory", "time")),
        hardware="laptop", started="2026-11-01T00:00:00.000Z", ended="2026-11-01T00:00:01.500Z",
    )  # fmt: skip
    return record._replace(**changes)


def make_facts(*runs: RunRecord, **changes) -> JobFacts:
    facts = JobFacts(
        job=JOB,
        manifest=CommittedFile(f"registry/jobs/{JOB}.yaml", "1" * 40, "4" * 40, digest("5")),
        blueprint=CommittedFile("registry/blueprints/kalman.yaml", "2" * 40, "6" * 40, digest("7")),
        reference="kalman@1.0.0",
        parameters={"em_iterations": 50, "noise": "diagonal"},
        plan={
            "job": JOB,
            "images": {
                "smooth": {"iae": "kalman", "recipe": digest("e"), "image": digest("d"),
                           "config": digest("f")},
            },
            "steps": {
                "smooth": {"hardware": "laptop", "determinism": "x86-64-v3", "max_runtime": 60,
                           "limits": {"memory": 1000, "cpus": 1}},
            },
            "pricing": "standard",
        },
        datasets=(Dataset("store:mouse.npz", digest("8"), 1000),),
        runs=tuple(CertifiedRun(run, digest("0"), 0.25) for run in runs),
        status="succeeded",
        message="",
        record=digest("9"),
        host={"cpu_model": "A processor", "cpu_flags": ["avx2", "fma"], "cpus": 2,
              "kernel": "Linux 6.1", "machine": "x86_64"},
        wall_s=1.5,
        cpu_s=1.25,
        cost_usd=0.25,
        started="2026-11-01T00:00:00.000Z",
        ended="2026-11-01T00:00:01.500Z",
    )  # fmt: skip
    return replace(facts, **changes)
