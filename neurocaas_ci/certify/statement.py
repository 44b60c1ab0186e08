"""Records of a job become an in-toto statement with SLSA provenance; I/O is not handled here.

in-toto Statement v1 and SLSA Provenance v1; what stands where: docs/reference/certificate.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from neurocaas_ci import __version__
from neurocaas_ci.certify import layout
from neurocaas_ci.model import results
from neurocaas_ci.model.digest import Sha256, canonical_json
from neurocaas_ci.model.registry import Dataset
from neurocaas_ci.model.run import RunRecord, RunStatus
from neurocaas_ci.signing.interface import Origin

Descriptor = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CommittedFile:
    """A file of the registry as a commit holds it: git object id and SHA-256 of its content."""

    path: str
    commit: str
    blob: str
    sha256: Sha256


@dataclass(frozen=True, slots=True)
class CertifiedRun:
    """A run's record and the digest of the document that holds it; `cost_usd` is US dollars.

    `instance` is what the provider of its machine says of that, where it was asked.
    """

    record: RunRecord
    sha256: Sha256
    cost_usd: float
    instance: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class JobFacts:
    """All that a certificate says of a job.

    `plan` is that of the job's record (see `run.records.plan_facts`); a job that was cancelled
    before it began has no blueprint file, no terms and no images. `record` is the digest of the
    job's record, `host` what is known of the machine.
    """

    job: str
    manifest: CommittedFile
    blueprint: CommittedFile | None
    reference: str
    parameters: Mapping[str, Any]
    plan: Mapping[str, Any]
    datasets: tuple[Dataset, ...]
    runs: tuple[CertifiedRun, ...]
    status: RunStatus
    message: str
    record: Sha256
    host: Mapping[str, Any]
    wall_s: float
    cpu_s: float
    cost_usd: float
    started: str
    ended: str


def make_statement(facts: JobFacts, origin: Origin) -> bytes:
    """Return the statement as canonical JSON; equal facts and origin give equal bytes."""
    return canonical_json(
        {
            "_type": layout.STATEMENT_TYPE,
            "subject": list(_subjects(facts)),
            "predicateType": layout.PROVENANCE_TYPE,
            "predicate": {
                "buildDefinition": {
                    "buildType": layout.BUILD_TYPE,
                    "externalParameters": {
                        "registry": {"repository": origin.repository, "ref": origin.ref},
                        "job": facts.manifest.path,
                        "blueprint": facts.reference,
                        "parameters": dict(facts.parameters),
                    },
                    "internalParameters": _internal(facts),
                    "resolvedDependencies": list(_dependencies(facts, origin)),
                },
                "runDetails": {
                    "builder": {
                        "id": layout.builder_id(origin.mode),
                        "version": {"neurocaas-ci": __version__},
                    },
                    "metadata": {
                        "invocationId": origin.invocation,
                        "startedOn": facts.started,
                        "finishedOn": facts.ended,
                    },
                    "byproducts": list(_byproducts(facts)),
                },
            },
        }
    )


def _subjects(facts: JobFacts) -> Iterator[Descriptor]:
    """Yield all outputs; of a run without success also its log, of a job without files its record."""
    found = False
    for run in facts.runs:
        record = run.record
        for output in record.outputs:
            found = True
            yield _file(results.run_file(record.run, output.path), output.sha256)
        if record.status != "succeeded" and record.log is not None:
            found = True
            yield _file(results.log_file(record.run), record.log.sha256)
    if not found:
        # A statement must have a subject (in-toto Statement v1).
        yield _file(results.JOB_RECORD, facts.record)


def _internal(facts: JobFacts) -> dict[str, Any]:
    terms = facts.plan.get("steps", {})
    return {
        "hardware": {
            "asked": {step: t["hardware"] for step, t in terms.items()},
            "got": dict(facts.host),
        },
        "pricing": facts.plan.get("pricing"),
        "determinism": {step: t["determinism"] for step, t in terms.items()},
        "limits": {
            step: {**t["limits"], "max_runtime": t["max_runtime"]} for step, t in terms.items()
        },
        "isolation": _isolation(facts),
    }


def _isolation(facts: JobFacts) -> list[dict[str, Any]]:
    """Return each kind of isolation that was really in force, with the number of its runs."""
    kinds: dict[bytes, dict[str, Any]] = {}
    for run in facts.runs:
        if run.record.exit_code is None and run.record.log is None:
            continue
        got = run.record.isolation
        kind = {
            "level": got.level,
            "user_namespace": got.user_namespace,
            "network": got.network,
            "seccomp": got.seccomp,
            "cgroup": got.cgroup,
            "enforced": list(got.enforced),
        }
        kinds.setdefault(canonical_json(kind), {**kind, "runs": 0})["runs"] += 1
    return list(kinds.values())


def _dependencies(facts: JobFacts, origin: Origin) -> Iterator[Descriptor]:
    at_ref = f"git+{origin.repository}@{origin.ref}"
    yield {"name": "registry", "uri": at_ref, "digest": {"gitCommit": facts.manifest.commit}}
    yield {"name": "main", "uri": at_ref, "digest": {"gitCommit": origin.commit}}
    yield _committed("job", facts.manifest, origin)
    if facts.blueprint is not None:
        commit = facts.blueprint.commit
        yield {"name": "version", "uri": at_ref, "digest": {"gitCommit": commit}}
        yield _committed("blueprint", facts.blueprint, origin)
        yield from _environments(facts, f"git+{origin.repository}@{commit}")
    for dataset in facts.datasets:
        yield {
            "name": layout.input_name(dataset.name),
            "uri": dataset.uri,
            "digest": {"sha256": dataset.sha256},
            "annotations": {"size": dataset.size},
        }


def _environments(facts: JobFacts, at_version: str) -> Iterator[Descriptor]:
    steps: dict[str, list[str]] = {}
    images: dict[str, Mapping[str, str]] = {}
    for step, image in facts.plan.get("images", {}).items():
        steps.setdefault(image["iae"], []).append(step)
        images[image["iae"]] = image
    for name, image in images.items():
        yield {
            "name": layout.recipe_name(name),
            "uri": f"{at_version}#iae/{name}",
            "digest": {"sha256": image["recipe"]},
        }
        yield {
            "name": layout.image_name(name),
            "uri": f"oci:{name}@sha256:{image['image']}",
            "digest": {"sha256": image["image"]},
            "annotations": {"config": f"sha256:{image['config']}", "steps": sorted(steps[name])},
        }


def _byproducts(facts: JobFacts) -> Iterator[Descriptor]:
    yield _file(
        results.JOB_RECORD,
        facts.record,
        status=facts.status,
        message=facts.message,
        wall_s=facts.wall_s,
        cpu_s=facts.cpu_s,
        cost_usd=facts.cost_usd,
    )
    for run in facts.runs:
        record = run.record
        yield _file(
            results.record_file(record.run),
            run.sha256,
            status=record.status,
            reason=record.reason,
            exit_code=record.exit_code,
            wall_s=record.usage.wall_s,
            cpu_s=record.usage.cpu_s,
            memory_peak=record.usage.memory_peak,
            cost_usd=run.cost_usd,
            attempts=record.attempt,
            taken_from=record.taken_from,
            **({} if record.machine is None else {"machine": dict(record.machine)}),
            **({} if run.instance is None else {"instance": dict(run.instance)}),
        )
        if record.log is not None:
            yield _file(results.log_file(record.run), record.log.sha256)


def _file(name: str, digest: Sha256, **annotations: Any) -> Descriptor:
    found: Descriptor = {"name": name, "digest": {"sha256": digest}}
    if annotations:
        found["annotations"] = annotations
    return found


def _committed(name: str, file: CommittedFile, origin: Origin) -> Descriptor:
    return {
        "name": name,
        "uri": f"git+{origin.repository}@{file.commit}#{file.path}",
        "digest": {"gitBlob": file.blob, "sha256": file.sha256},
    }
