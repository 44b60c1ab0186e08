"""What the platform has: images, published versions, resources, jobs; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.plan.difference import plain, text_of
from neurocaas_ci.registry import Loaded, Registry
from neurocaas_ci.registry.changes import Change

Kind = Literal["hardware", "group", "user", "policy"]
POLICY = "policy"
_FOLDERS: Mapping[str, Kind] = {"hardware": "hardware", "groups": "group", "users": "user"}
_JOBS = "registry/jobs/"


class Image(NamedTuple):
    """The environment that was built: the digest of its sources, and of the image."""

    recipe: Sha256
    image: Sha256


class Version(NamedTuple):
    """A published blueprint version and its effective configuration as JSON text."""

    version: str
    configuration: str


@dataclass(frozen=True, slots=True)
class PlatformState:
    """What the platform has made of main so far.

    `resources` holds the effective configuration of each hardware type, group and user and of the
    policy as JSON text; `jobs` every job that was merged, with the reason when it is cancelled.
    """

    images: Mapping[str, Image] = field(default_factory=dict)
    blueprints: Mapping[str, Version] = field(default_factory=dict)
    resources: Mapping[tuple[Kind, str], str] = field(default_factory=dict)
    jobs: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Touched:
    """The names that a plan looks at; jobs by id."""

    environments: frozenset[str]
    resources: frozenset[tuple[Kind, str]]
    blueprints: frozenset[str]
    jobs: frozenset[str]


def touched(changes: Sequence[Change], head: Registry) -> Touched:
    """Return what the changed paths name, and the blueprints that use a changed environment."""
    environments: set[str] = set()
    resources: set[tuple[Kind, str]] = set()
    blueprints: set[str] = set()
    jobs: set[str] = set()
    for path in {p for change in changes for p in (change.path, change.old_path) if p}:
        parts = path.split("/")
        if parts[0] == "iae" and len(parts) > 2:  # noqa: PLR2004 - iae/<name>/<file>
            environments.add(parts[1])
        elif path == "registry/policy.yaml":
            resources.add(("policy", POLICY))
        elif Registry.is_job(path):
            jobs.add(job_of(path))
        elif (name := named(path, "blueprints")) is not None:
            blueprints.add(name)
        else:
            resources |= {
                (kind, name)
                for folder, kind in _FOLDERS.items()
                if (name := named(path, folder)) is not None
            }
    if environments:
        blueprints.update(users_of(environments, head))
    return Touched(
        frozenset(environments), frozenset(resources), frozenset(blueprints), frozenset(jobs)
    )


def everything(head: Registry, state: PlatformState) -> Touched:
    """Return all names of a registry and of the platform."""
    resources: set[tuple[Kind, str]] = set(state.resources) | {("policy", POLICY)}
    resources |= {("hardware", name) for name in head.hardware_ids()}
    resources |= {("group", name) for name in head.groups()}
    resources |= {("user", name) for name in head.users()}
    return Touched(
        frozenset({*state.images, *head.iaes()}),
        frozenset(resources),
        frozenset({*state.blueprints, *head.blueprints()}),
        frozenset(job_of(path) for path in head.jobs()),
    )


def observe(registry: Registry | None, names: Touched) -> PlatformState:
    """Return the state that a registry asks for, as far as the names go."""
    if registry is None:
        return PlatformState()
    images = {name: image for name in names.environments if (image := image_of(registry, name))}
    blueprints = {
        name: Version(value.version, configuration(registry, value))
        for name in names.blueprints
        if (value := registry.blueprint(name).value) is not None
    }
    resources = {
        key: text_of(value)
        for key in names.resources
        if (value := resource(registry, key).value) is not None
    }
    jobs = {}
    for job in names.jobs:
        loaded = registry.job(job)
        if loaded.exists:
            # What cannot be read was merged all the same.
            jobs[job] = None if loaded.value is None else loaded.value.cancelled
    return PlatformState(images, blueprints, resources, jobs)


def resource(registry: Registry, key: tuple[Kind, str]) -> Loaded[Any]:
    """Load a hardware type, a group, a user or the policy."""
    kind, name = key
    if kind == "policy":
        return registry.policy()
    load = {"hardware": registry.hardware, "group": registry.group, "user": registry.user}[kind]
    loaded: Loaded[Any] = load(name)
    return loaded


def image_of(registry: Registry, name: str) -> Image | None:
    """Return what the lock of an environment pins, or None without a valid one."""
    lock = registry.iae_lock(name).value
    return None if lock is None else Image(lock.recipe, lock.image)


def configuration(registry: Registry, blueprint: Blueprint) -> str:
    """Return the effective configuration: every default filled in, and the image of each step."""
    document = plain(blueprint)
    for step in document["steps"]:
        image = image_of(registry, step["iae"])
        step["image"] = None if image is None else image.image
    return text_of(document)


def users_of(environments: set[str] | frozenset[str], registry: Registry) -> list[str]:
    """Return the names of the valid blueprints with a step in one of the environments, sorted."""
    return [
        name
        for name in registry.blueprints()
        if (value := registry.blueprint(name).value) is not None
        and any(step.iae in environments for step in value.steps)
    ]


def named(path: str, folder: str) -> str | None:
    """Return the name of the file `registry/<folder>/<name>.yaml`, or None for another path."""
    parts = path.split("/")
    if len(parts) != 3 or parts[:2] != ["registry", folder] or not parts[2].endswith(".yaml"):  # noqa: PLR2004 - registry/<folder>/<file>
        return None
    return parts[2].removesuffix(".yaml")


def job_of(path: str) -> str:
    """Return the id of the job whose manifest lies at `path`."""
    return path.removeprefix(_JOBS).removesuffix(".yaml")
