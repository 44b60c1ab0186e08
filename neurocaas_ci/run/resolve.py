"""Resolve a committed job: which blueprint commit, which environments, which specs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from neurocaas_ci.build.images import Images
from neurocaas_ci.errors import FindingsError, UsageError
from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.money import Microdollars
from neurocaas_ci.model.registry import Hardware, Job
from neurocaas_ci.model.run import RunSpec
from neurocaas_ci.named import NamedTuple
from neurocaas_ci.plan.cost import price_of
from neurocaas_ci.protocols.parameters import effective
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import published
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.single import OneFile
from neurocaas_ci.run.records import JobPlan, StepImage, StepTerms
from neurocaas_ci.run.specs import StepEnvironment, make_specs

_HARDWARE = "registry/hardware"
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


class _Pinned(NamedTuple):
    """What a blueprint version stands for, whatever job names it."""

    commit: str
    blueprint: Blueprint
    images: dict[str, StepImage]
    environments: dict[str, StepEnvironment]
    roots: dict[Sha256, Path]


class Pins:
    """What was resolved for earlier jobs on the same head, so that it is not for later ones.

    An unpacked image that is taken from here has not been checked again.
    """

    def __init__(self) -> None:
        self.versions: dict[tuple[str, str], _Pinned] = {}
        self.hardware: dict[tuple[str, str], Hardware] = {}
        self.banks: dict[str, str] = {}

    def prepare(self, head: GitTree, commits: Iterable[str]) -> None:
        """Find out in which commits the hardware is the same: most jobs came without a new price."""
        self.banks.update(head.objects.ids(commits, _HARDWARE))


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
    pins: Pins | None = None,
) -> ResolvedJob:
    """Pin a job: its blueprint's commit, its images (built when absent), its runs.

    `pins` is what is known of earlier jobs, and takes what is found out for this one. Raise
    FindingsError when the registry does not allow it and BuildError when an image cannot be had
    with the digest that the blueprint's commit pins.
    """
    pins = Pins() if pins is None else pins
    version = (job.blueprint, job.version)
    if version not in pins.versions:
        pins.versions[version] = _pin(repo, *version, head=head, images=images)
    pinned = pins.versions[version]
    blueprint, environments = pinned.blueprint, pinned.environments
    specs = make_specs(blueprint, job, environments, use_cache=use_cache)
    plan = JobPlan(
        job=job.id,
        registry_commit=registry_commit,
        blueprint=blueprint.name,
        version=blueprint.version,
        blueprint_commit=pinned.commit,
        images=pinned.images,
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
    merged = head.at(registry_commit)
    prices = {
        step.id: price_of(_hardware(merged, plan.steps[step.id].hardware, pins), job.pricing)
        for step in blueprint.steps
    }
    return ResolvedJob(job, plan, specs, prices, pinned.roots, blueprint.limits.max_parallel)


def _pin(repo: Path, name: str, version: str, *, head: GitTree, images: Images) -> _Pinned:
    commit = published(repo, head.commit, name, version, head.objects)
    with head.at(commit) as tree:
        registry = Registry(tree)
        blueprint = registry.blueprint(name)
        if blueprint.value is None:
            raise _invalid(f"the blueprint {name} is not valid", blueprint.findings)
        pinned: dict[str, StepImage] = {}
        environments: dict[str, StepEnvironment] = {}
        roots: dict[Sha256, Path] = {}
        for step in blueprint.value.steps:
            iae, lock = registry.iae(step.iae), registry.iae_lock(step.iae)
            if iae.value is None or lock.value is None:
                raise _invalid(f"the IAE {step.iae} is not valid", (*iae.findings, *lock.findings))
            image = images.ensure(tree, step.iae, lock.value.image)
            pinned[step.id] = StepImage(step.iae, lock.value.recipe, image.image, image.config)
            environments[step.id] = StepEnvironment(
                image.image, image.command, image.environment, iae.value.determinism
            )
            roots[image.image] = image.root
    return _Pinned(commit, blueprint.value, pinned, environments, roots)


def _dataset_of(spec: RunSpec) -> str:
    return str(spec.config["dataset"] or "").removeprefix("dataset/")


def _hardware(tree: GitTree, name: str, pins: Pins) -> Hardware:
    """Return a hardware type as it was in a commit; from the same folder it is read once."""
    key = (pins.banks.get(tree.commit, tree.commit), name)
    if key not in pins.hardware:
        loaded = Registry(tree).hardware(name)
        if loaded.value is None:
            raise _invalid(f"the hardware {name} is not valid", loaded.findings)
        pins.hardware[key] = loaded.value
    return pins.hardware[key]


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
