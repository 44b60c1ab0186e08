"""Run and job records as JSON documents, and where they are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.registry import Dataset
from neurocaas_ci.model.run import (
    InputFile,
    Isolation,
    LogFile,
    OutputFile,
    RunRecord,
    RunSpec,
    RunStatus,
    Usage,
)
from neurocaas_ci.run.spec_form import check_spec

_RECORD = "neurocaas/run-record/v1"
_SPEC = "neurocaas/run-spec/v1"
_JOB = "neurocaas/job-record/v1"
_PLAN = "neurocaas/job-plan/v1"


class StepImage(NamedTuple):
    """Which environment a step of a job runs in."""

    iae: str
    recipe: Sha256
    image: Sha256
    config: Sha256


class StepTerms(NamedTuple):
    """On what terms the runs of a step are executed; `max_runtime` is seconds."""

    hardware: str
    determinism: str
    max_runtime: int
    limits: RunLimits


class JobPlan(NamedTuple):
    """What a job resolved to when it was first taken up; written once, before the first run.

    `registry_commit` is the commit that added the manifest, `blueprint_commit` the one that
    published the blueprint version; `runs` pairs run ids with dataset names, `datasets` are those
    of the manifest.
    """

    job: str
    registry_commit: str
    blueprint: str
    version: str
    blueprint_commit: str
    images: Mapping[str, StepImage]
    steps: Mapping[str, StepTerms]
    datasets: tuple[Dataset, ...]
    pricing: str
    runs: tuple[tuple[str, str], ...]
    parameters: Mapping[str, Any]
    started: str


class JobRecord(NamedTuple):
    """How a job ended: one line per run, totals, and the machine it ran on.

    `prices` are US dollars per hour by step, as the cost was reckoned with; `costs` are US dollars by
    run, all attempts that were paid for included. `instances` are the machines of runs, where an
    engine chose them and its provider tells them apart.
    """

    job: str
    status: RunStatus
    plan: Mapping[str, Any]
    runs: tuple[tuple[str, RunStatus, Sha256], ...]
    wall_s: float
    cpu_s: float
    cost_usd: float
    prices: Mapping[str, float]
    costs: Mapping[str, float]
    instances: Mapping[str, Mapping[str, str]]
    host: Mapping[str, Any]
    started: str
    ended: str
    message: str = ""


def run_key(job: str, run: str) -> str:
    """Return the state folder of a run."""
    return f"jobs/{job}/runs/{run}"


def record_key(job: str, run: str) -> str:
    """Return where the record of a run is kept; it exists exactly when the run has ended."""
    return f"jobs/{job}/runs/{run}/record.json"


def log_key(job: str, run: str) -> str:
    """Return where the live log of a run is written."""
    return f"jobs/{job}/runs/{run}/log"


def attempt_key(job: str, run: str) -> str:
    """Return where it is counted how often a run was started."""
    return f"jobs/{job}/runs/{run}/attempt"


def job_key(job: str) -> str:
    """Return where the record of a finished job is kept."""
    return f"jobs/{job}/job.json"


def plan_key(job: str) -> str:
    """Return where the plan of a started job is kept."""
    return f"jobs/{job}/plan.json"


def certificate_key(job: str) -> str:
    """Return where the certificate of a job is kept until main has it, and afterwards."""
    return f"jobs/{job}/certificate.sigstore.json"


def result_key(identity: Sha256) -> str:
    """Return where the origin of a computed identity is kept."""
    return f"results/{identity[:2]}/{identity}"


def encode_origin(job: str, run: str) -> bytes:
    """Return the document that says which run has computed an identity."""
    return json.dumps({"job": job, "run": run}).encode()


def encode_record(record: RunRecord) -> bytes:
    """Return the record as one JSON document."""
    return _dump(
        {
            "schema": _RECORD,
            "job": record.job,
            "run": record.run,
            "step": record.step,
            "identity": record.identity,
            "status": record.status,
            "reason": record.reason,
            "message": record.message,
            "exit_code": record.exit_code,
            "image": record.image,
            "inputs": [[f.path, f.sha256, f.size] for f in record.inputs],
            "outputs": [[f.path, f.sha256, f.size] for f in record.outputs],
            "log": record.log and [record.log.sha256, record.log.size, record.log.dropped],
            "usage": {
                "wall_s": record.usage.wall_s,
                "cpu_s": record.usage.cpu_s,
                "memory_peak": record.usage.memory_peak,
                "samples": record.usage.samples,
            },
            "isolation": {
                "level": record.isolation.level,
                "user_namespace": record.isolation.user_namespace,
                "network": record.isolation.network,
                "seccomp": record.isolation.seccomp,
                "cgroup": record.isolation.cgroup,
                "enforced": record.isolation.enforced,
            },
            "hardware": record.hardware,
            "started": record.started,
            "ended": record.ended,
            "attempt": record.attempt,
            "taken_from": record.taken_from,
            "stages": dict(record.stages),
            **({} if record.machine is None else {"machine": dict(record.machine)}),
        }
    )


def decode_record(data: bytes) -> RunRecord:
    """Read a record; raise ValueError or KeyError when the document is not one."""
    d = _load(data, _RECORD)
    usage, isolation = d["usage"], d["isolation"]
    return RunRecord(
        job=d["job"],
        run=d["run"],
        step=d["step"],
        identity=d["identity"],
        status=d["status"],
        reason=d["reason"],
        message=d["message"],
        exit_code=d["exit_code"],
        image=d["image"],
        inputs=tuple(InputFile(*f) for f in d["inputs"]),
        outputs=tuple(OutputFile(*f) for f in d["outputs"]),
        log=LogFile(*d["log"]) if d["log"] else None,
        usage=Usage(
            usage["wall_s"],
            usage["cpu_s"],
            usage["memory_peak"],
            tuple((t, c, m) for t, c, m in usage["samples"]),
        ),
        isolation=Isolation(**{**isolation, "enforced": tuple(isolation["enforced"])}),
        hardware=d["hardware"],
        started=d["started"],
        ended=d["ended"],
        attempt=d["attempt"],
        taken_from=d["taken_from"],
        stages=d["stages"],
        machine=d.get("machine"),
    )


def encode_spec(spec: RunSpec) -> bytes:
    """Return the spec as the JSON document that `neurocaas worker` takes."""
    return _dump(
        {
            "schema": _SPEC,
            "job": spec.job,
            "run": spec.run,
            "step": spec.step,
            "image": spec.image,
            "command": spec.command,
            "environment": dict(spec.environment),
            "config": dict(spec.config),
            "inputs": [[f.path, f.sha256, f.size] for f in spec.inputs],
            "needs": dict(spec.needs),
            "outputs_required": spec.outputs_required,
            "limits": _limits(spec.limits),
            "max_runtime": spec.max_runtime,
            "hardware": spec.hardware,
            "determinism": spec.determinism,
            "use_cache": spec.use_cache,
        }
    )


def decode_spec(data: bytes) -> RunSpec:
    """Read a spec; raise ValueError when the document is not one."""
    d = _load(data, _SPEC)
    check_spec(d)
    return RunSpec(
        job=d["job"],
        run=d["run"],
        step=d["step"],
        image=d["image"],
        command=tuple(d["command"]),
        environment=d["environment"],
        config=d["config"],
        inputs=tuple(InputFile(*f) for f in d["inputs"]),
        needs=d["needs"],
        outputs_required=tuple(d["outputs_required"]),
        limits=RunLimits(**d["limits"]),
        max_runtime=d["max_runtime"],
        hardware=d["hardware"],
        determinism=d["determinism"],
        use_cache=d["use_cache"],
    )


def encode_plan(plan: JobPlan) -> bytes:
    """Return the plan of a job as one JSON document."""
    return _dump(
        {
            "schema": _PLAN,
            **plan_facts(plan),
            "datasets": [[d.uri, d.sha256, d.size] for d in plan.datasets],
            "runs": plan.runs,
            "started": plan.started,
        }
    )


def plan_facts(plan: JobPlan) -> dict[str, Any]:
    """Return what a plan pins, without datasets, runs and the time."""
    return {
        "job": plan.job,
        "registry_commit": plan.registry_commit,
        "blueprint": plan.blueprint,
        "version": plan.version,
        "blueprint_commit": plan.blueprint_commit,
        "images": {
            step: {"iae": i.iae, "recipe": i.recipe, "image": i.image, "config": i.config}
            for step, i in plan.images.items()
        },
        "steps": {
            step: {
                "hardware": terms.hardware,
                "determinism": terms.determinism,
                "max_runtime": terms.max_runtime,
                "limits": _limits(terms.limits),
            }
            for step, terms in plan.steps.items()
        },
        "pricing": plan.pricing,
        "parameters": dict(plan.parameters),
    }


def decode_plan(data: bytes) -> dict[str, Any]:
    """Read a plan as plain values; raise ValueError when the document is not one."""
    return _load(data, _PLAN)


def encode_job(record: JobRecord) -> bytes:
    """Return the record of a finished job as one JSON document, laid out for people."""
    return _dump(
        {
            "schema": _JOB,
            "job": record.job,
            "status": record.status,
            "message": record.message,
            "plan": dict(record.plan),
            "runs": record.runs,
            "usage": {"wall_s": record.wall_s, "cpu_s": record.cpu_s},
            "cost_usd": record.cost_usd,
            "prices_usd_per_hour": dict(record.prices),
            "costs_usd": dict(record.costs),
            **({"instances": dict(record.instances)} if record.instances else {}),
            "host": dict(record.host),
            "started": record.started,
            "ended": record.ended,
        },
        indent=1,
    )


def decode_job(data: bytes) -> dict[str, Any]:
    """Read a job record as plain values; raise ValueError when the document is not one."""
    return _load(data, _JOB)


def _limits(limits: RunLimits) -> dict[str, int]:
    return {name: getattr(limits, name) for name in RunLimits._fields}


def _dump(document: dict[str, Any], indent: int | None = None) -> bytes:
    separators = (",", ":") if indent is None else None
    text = json.dumps(document, separators=separators, indent=indent, ensure_ascii=False)
    return (text if indent is None else f"{text}\n").encode()


def _load(data: bytes, schema: str) -> dict[str, Any]:
    document = json.loads(data)
    if not isinstance(document, dict) or document.get("schema") != schema:
        raise ValueError(f"not a {schema} document")
    return document
