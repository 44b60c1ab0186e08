"""Gather what a certificate says of a finished job, from its records and from the registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from neurocaas_ci.certify.statement import CertifiedRun, CommittedFile, JobFacts
from neurocaas_ci.errors import IntegrityError, UsageError
from neurocaas_ci.model.digest import Sha256, sha256_bytes
from neurocaas_ci.model.places import manifest_path
from neurocaas_ci.model.registry import Dataset
from neurocaas_ci.registry.catfile import CatFile
from neurocaas_ci.registry.tree import blob_id
from neurocaas_ci.run import records
from neurocaas_ci.run.resolve import parse_job
from neurocaas_ci.stores.interface import StateStore


def collect(state: StateStore, git: CatFile, job: str) -> JobFacts:
    """Return the facts of a job that has a record.

    Raise UsageError when it has none yet, and IntegrityError when its records contradict each
    other or name commits that the repository does not have.
    """
    document = state.read(records.job_key(job))
    if document is None:
        raise UsageError(
            "the job has not ended yet, so there is nothing to certify",
            where=job,
            hint="`neurocaas reconcile` carries it to its end",
        )
    try:
        record = records.decode_job(document)
        return _facts(state, git, job, record, sha256_bytes(document))
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"the job's records cannot be read: {error!r}",
            where=job,
            hint="`neurocaas reconcile --verify` computes damaged runs again",
        ) from error


def _facts(
    state: StateStore, git: CatFile, job: str, record: Mapping[str, Any], digest: Sha256
) -> JobFacts:
    plan = record["plan"]
    manifest, content = _committed(git, plan["registry_commit"], manifest_path(job))
    blueprint = None
    if "blueprint_commit" in plan:
        path = f"registry/blueprints/{plan['blueprint']}.yaml"
        blueprint, _ = _committed(git, plan["blueprint_commit"], path)
        reference = f"{plan['blueprint']}@{plan['version']}"
        parameters = plan["parameters"]
        planned = records.decode_plan(state.read(records.plan_key(job)) or b"{}")
        datasets = tuple(Dataset(*row) for row in planned["datasets"])
    else:
        # Cancelled before it was taken up: nothing was resolved, the manifest is all there is.
        written = parse_job(manifest.path, content)
        reference = f"{written.blueprint}@{written.version}"
        parameters, datasets = written.parameters, written.datasets
    return JobFacts(
        job=job,
        manifest=manifest,
        blueprint=blueprint,
        reference=reference,
        parameters=parameters,
        plan=plan,
        datasets=datasets,
        runs=tuple(_runs(state, job, record)),
        status=record["status"],
        message=record["message"],
        record=digest,
        host=record["host"],
        wall_s=record["usage"]["wall_s"],
        cpu_s=record["usage"]["cpu_s"],
        cost_usd=record["cost_usd"],
        started=record["started"],
        ended=record["ended"],
    )


def _runs(state: StateStore, job: str, record: Mapping[str, Any]) -> Iterator[CertifiedRun]:
    prices, costs = record["prices_usd_per_hour"], record.get("costs_usd", {})
    for run, _, digest in record["runs"]:
        document = state.read(records.record_key(job, run))
        if document is None or sha256_bytes(document) != digest:
            raise IntegrityError(
                "the record of this run is not the one that the job's record names",
                where=f"{job}#{run}",
                hint="`neurocaas reconcile --verify` computes damaged runs again",
            )
        found = records.decode_record(document)
        # Records of earlier releases have no costs by run: there, only the last attempt was paid.
        cost = costs[run] if run in costs else found.usage.wall_s / 3600 * prices[found.step]
        instance = record.get("instances", {}).get(run)
        yield CertifiedRun(found, digest, round(cost, 6), instance)


def _committed(git: CatFile, commit: str, path: str) -> tuple[CommittedFile, bytes]:
    content = git.read(commit, path)
    if content is None:
        raise IntegrityError(
            "the registry does not have this file, which the job's record relies on",
            where=f"{commit}:{path}",
            hint="`git fetch` brings commits of the origin; a shallow clone lacks them",
        )
    algorithm = "sha1" if len(commit) == 40 else "sha256"  # noqa: PLR2004 - hex digits of SHA-1
    blob = blob_id(content, algorithm)
    return CommittedFile(path, commit, blob, sha256_bytes(content)), content
