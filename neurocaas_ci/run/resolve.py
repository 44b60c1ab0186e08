"""Resolve a committed job: which blueprint commit, which environments, which specs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from neurocaas_ci.build.images import Images
from neurocaas_ci.errors import FindingsError, UsageError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.money import Microdollars
from neurocaas_ci.model.registry import Hardware, Job
from neurocaas_ci.model.run import RunSpec
from neurocaas_ci.plan.cost import price_of
from neurocaas_ci.protocols.parameters import effective
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import published
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.single import OneFile
from neurocaas_ci.run.records import JobPlan, StepImage, StepTerms
from neurocaas_ci.run.specs import StepEnvironment, make_specs

_HINT = "`neurocaas validate` explains every finding; `pr merge` would have refused this"


class ResolvedJob(NamedTuple):
    """A job with everything that pins it, and the specs of its runs.

    `prices` per hour are by step, as they were when the job was merged; `roots` maps an image to its unpacked, verified root folder.
    """

    job: Job
    plan: JobPlan
    specs: tuple[RunSpec, ...]
    prices: dict[str, Microdollars]
    roots: dict[Sha256, Path]
    max_parallel: int


def load_job(tree: GitTree, path: str) -> Job:
    """Read a manifest; raise FindingsError with its findings when it is not valid."""
    loaded = Registry(tree).job(path)
    if loaded.value is None:
        raise _invalid(f"the job {path} is not valid", loaded.findings)
    return loaded.value


def parse_job(path: str, content: bytes) -> Job:
    """Read a manifest that is in memory; raise FindingsError when it is not valid."""
    loaded = Registry(OneFile(path, content)).job(path)
    if loaded.value is None:
        raise _invalid(f"the job {path} is not valid", loaded.findings)
    return loaded.value


def resolve(
    repo: Path,
    job: Job,
    *,
    registry_commit: str,
    head: GitTree,
    images: Images,
    use_cache: bool,
) -> ResolvedJob:
    """Pin a job: its blueprint's commit, its images (built when absent), its runs.

    Raise FindingsError when the registry does not allow it and BuildError when an image cannot
    be had with the digest that the blueprint's commit pins.
    """
    blueprint_commit = published(repo, head.commit, job.blueprint, job.version, head.objects)
    with head.at(blueprint_commit) as tree:
        registry = Registry(tree)
        loaded = registry.blueprint(job.blueprint)
        if loaded.value is None:
            raise _invalid(f"the blueprint {job.blueprint} is not valid", loaded.findings)
        blueprint = loaded.value
        pinned: dict[str, StepImage] = {}
        environments: dict[str, StepEnvironment] = {}
        roots: dict[Sha256, Path] = {}
        for step in blueprint.steps:
            iae, lock = registry.iae(step.iae), registry.iae_lock(step.iae)
            if iae.value is None or lock.value is None:
                raise _invalid(f"the IAE {step.iae} is not valid", (*iae.findings, *lock.findings))
            image = images.ensure(tree, step.iae, lock.value.image)
            pinned[step.id] = StepImage(step.iae, lock.value.recipe, image.image, image.config)
            environments[step.id] = StepEnvironment(
                image.image, image.command, image.environment, iae.value.determinism
            )
            roots[image.image] = image.root
    specs = make_specs(blueprint, job, environments, use_cache=use_cache)
    plan = JobPlan(
        job=job.id,
        registry_commit=registry_commit,
        blueprint=blueprint.name,
        version=blueprint.version,
        blueprint_commit=blueprint_commit,
        images=pinned,
        steps={
            step.id: StepTerms(
                job.hardware.get(step.id, step.hardware),
                environments[step.id].determinism,
                min(step.max_runtime, job.max_runtime or step.max_runtime),
                step.limits,
            )
            for step in blueprint.steps
        },
        datasets=job.datasets,
        pricing=job.pricing,
        runs=tuple((spec.run, _dataset_of(spec)) for spec in specs),
        parameters=effective(blueprint.parameters, job.parameters),
        started=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    )
    # What a job costs was agreed when it was merged; prices of later days are not its own.
    merged = Registry(head.at(registry_commit))
    prices = {
        step.id: price_of(_hardware(merged, plan.steps[step.id].hardware), job.pricing)
        for step in blueprint.steps
    }
    return ResolvedJob(job, plan, specs, prices, roots, blueprint.limits.max_parallel)


def _dataset_of(spec: RunSpec) -> str:
    return str(spec.config["dataset"] or "").removeprefix("dataset/")


def _hardware(registry: Registry, name: str) -> Hardware:
    loaded = registry.hardware(name)
    if loaded.value is None:
        raise _invalid(f"the hardware {name} is not valid", loaded.findings)
    return loaded.value


def _invalid(message: str, findings: Iterable[Finding]) -> FindingsError:
    lines = [f"{f.location}: {f.rule}: {f.message}" for f in findings]
    return FindingsError("\n  ".join([message, *lines]), hint=_HINT)


def split_reference(text: str) -> tuple[str, str]:
    """Split `name@version`; raise UsageError for anything else."""
    name, at, version = text.partition("@")
    if not (name and at and version):
        raise UsageError(
            f"{text!r} names no blueprint version", hint="write NAME@VERSION, e.g. pmd@1.0.0"
        )
    return name, version
