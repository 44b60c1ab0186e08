"""Compare a certificate with the registry: its commit, its job, its blueprint, its environments."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.audit.history import History
from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.certificate import Certificate, GitContent
from neurocaas_ci.model.digest import canonical_json, sha256_bytes
from neurocaas_ci.model.registry import Job
from neurocaas_ci.model.verification import Check, failed, ok
from neurocaas_ci.protocols.parameters import effective
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.tree import Tree, blob_id
from neurocaas_ci.run.resolve import parse_job, split_reference


class _ContradictionError(Exception):
    """What the certificate says is not what the registry holds; the text says how."""


def judge_registry(certificate: Certificate, history: History) -> Iterator[Check]:
    """Yield whether the registry holds what the certificate says.

    Anything that goes wrong on the way is a failed check.
    """
    try:
        job = _judge_job(certificate, history)
    except (_ContradictionError, NeurocaasError) as problem:
        yield failed("registry", _text(problem))
        return
    short = certificate.registry_commit[:12]
    yield ok(
        "registry",
        f"commit {short} is on main and brought exactly this job; its datasets are the inputs",
    )
    if certificate.version_commit is None:
        return
    try:
        _judge_blueprint(certificate, job, history, certificate.version_commit)
    except (_ContradictionError, NeurocaasError) as problem:
        yield failed("blueprint", _text(problem))
        return
    yield ok(
        "blueprint",
        f"{certificate.reference} was published by commit {certificate.version_commit[:12]}; the "
        "parameters are the job's and its defaults; the images are those that its locks pin",
    )


def _judge_job(certificate: Certificate, history: History) -> Job:
    commit, path = certificate.registry_commit, certificate.manifest_path
    _same(certificate.repository, history.uri, "the repository")
    for known in (certificate.main_commit, commit):
        if not history.contains(known):
            raise _ContradictionError(f"commit {known[:12]} is not part of main here")
    if not history.precedes(commit, certificate.main_commit):
        raise _ContradictionError(
            f"commit {commit[:12]} is not part of commit {certificate.main_commit[:12]}"
        )
    content = _same_content(history.main.at(commit), path, certificate.manifest, commit)
    before = history.before(commit)
    if before is not None and history.main.at(before).read(path) is not None:
        raise _ContradictionError(f"the job was there before commit {commit[:12]} already")
    job = parse_job(path, content)
    _same(certificate.job, job.id, "the job")
    _same(certificate.reference, f"{job.blueprint}@{job.version}", "the blueprint")
    if certificate.datasets != job.datasets:
        raise _ContradictionError("the inputs are not the datasets of the job")
    return job


def _judge_blueprint(certificate: Certificate, job: Job, history: History, commit: str) -> None:
    name, version = split_reference(certificate.reference)
    found = history.published(name, version, certificate.registry_commit)
    _same(commit, found, "the commit of the version")
    if certificate.blueprint_file is not None:
        path = f"registry/blueprints/{name}.yaml"
        _same_content(history.main.at(commit), path, certificate.blueprint_file, commit)
    registry = history.registry(commit)
    blueprint = registry.blueprint(name).value
    if blueprint is None:
        raise _ContradictionError(f"the blueprint {name} is not valid at commit {commit[:12]}")
    # As JSON: to Python, true and 1 are equal.
    said, meant = certificate.parameters, effective(blueprint.parameters, job.parameters)
    if canonical_json(dict(said)) != canonical_json(meant):
        raise _ContradictionError("the parameters are not those of the job with its defaults")
    _judge_locks(certificate, registry, blueprint)


def _judge_locks(certificate: Certificate, registry: Registry, blueprint: Blueprint) -> None:
    names = {step.iae for step in blueprint.steps}
    if names != set(certificate.images):
        raise _ContradictionError("the environments are not those of the blueprint's steps")
    for name in sorted(names):
        lock = registry.iae_lock(name).value
        if lock is None:
            raise _ContradictionError(f"iae/{name}/iae.lock is not valid")
        pinned = certificate.images[name]
        _same(pinned.recipe, lock.recipe, f"the recipe of {name}")
        _same(pinned.image, lock.image, f"the image of {name}")
        _same(pinned.config, lock.config, f"the image configuration of {name}")


def _same_content(tree: Tree, path: str, expected: GitContent, commit: str) -> bytes:
    content = tree.read(path)
    if content is None:
        raise _ContradictionError(f"commit {commit[:12]} has no file {path}")
    algorithm = "sha1" if len(expected.blob) == 40 else "sha256"  # noqa: PLR2004 - hex digits of SHA-1
    _same(expected.sha256, sha256_bytes(content), f"the digest of {path}")
    _same(expected.blob, blob_id(content, algorithm), f"the git object of {path}")
    return content


def _same(said: str, found: str, what: str) -> None:
    if said != found:
        raise _ContradictionError(f"{what} is {said} in the certificate, {found} in the registry")


def _text(problem: Exception) -> str:
    message = problem.message if isinstance(problem, NeurocaasError) else str(problem)
    return " ".join(message.split())
