"""Compare a certificate with the registry: its commit, its job, its blueprint, its environments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from neurocaas_ci.certify.repository import repository_uri
from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.certificate import Certificate, GitContent
from neurocaas_ci.model.digest import sha256_bytes
from neurocaas_ci.model.registry import Job
from neurocaas_ci.model.verification import Check, failed, ok
from neurocaas_ci.protocols.parameters import effective
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import published
from neurocaas_ci.registry.git import GitTree, run_git
from neurocaas_ci.registry.tree import blob_id
from neurocaas_ci.run.resolve import load_job, split_reference


class _Contradiction(Exception):
    """What the certificate says is not what the registry holds; the text says how."""


def judge_registry(certificate: Certificate, repo: Path, ref: str) -> Iterator[Check]:
    """Yield whether the registry of a clone holds what the certificate says; `ref` is its main.

    Anything that goes wrong on the way is a failed check.
    """
    try:
        job = _judge_job(certificate, repo, ref)
    except (_Contradiction, NeurocaasError) as problem:
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
        _judge_blueprint(certificate, job, repo, certificate.version_commit)
    except (_Contradiction, NeurocaasError) as problem:
        yield failed("blueprint", _text(problem))
        return
    yield ok(
        "blueprint",
        f"{certificate.reference} was published by commit {certificate.version_commit[:12]}; the "
        "parameters are the job's and its defaults; the images are those that its locks pin",
    )


def _judge_job(certificate: Certificate, repo: Path, ref: str) -> Job:
    with GitTree(repo, ref) as main:
        uri = repository_uri(repo, main.commit)
    _same(certificate.repository, uri, "the repository")
    for commit in (certificate.main_commit, certificate.registry_commit):
        if run_git(repo, ["merge-base", "--is-ancestor", commit, ref]).returncode:
            raise _Contradiction(f"commit {commit[:12]} is not part of main here")
    _ancestor(repo, certificate.registry_commit, certificate.main_commit)
    with GitTree(repo, certificate.registry_commit) as tree:
        _same_content(tree, certificate.manifest_path, certificate.manifest)
        job = load_job(tree, certificate.manifest_path)
    before = run_git(
        repo, ["cat-file", "-e", f"{certificate.registry_commit}^1:{certificate.manifest_path}"]
    )
    if before.returncode == 0:
        raise _Contradiction(
            f"the job was there before commit {certificate.registry_commit[:12]} already"
        )
    _same(certificate.job, job.id, "the job")
    _same(certificate.reference, f"{job.blueprint}@{job.version}", "the blueprint")
    if certificate.datasets != job.datasets:
        raise _Contradiction("the inputs are not the datasets of the job")
    return job


def _judge_blueprint(certificate: Certificate, job: Job, repo: Path, commit: str) -> None:
    name, version = split_reference(certificate.reference)
    _same(commit, published(repo, certificate.registry_commit, name, version), "the version")
    with GitTree(repo, commit) as tree:
        if certificate.blueprint_file is not None:
            path = f"registry/blueprints/{name}.yaml"
            _same_content(tree, path, certificate.blueprint_file)
        registry = Registry(tree)
        blueprint = registry.blueprint(name).value
        if blueprint is None:
            raise _Contradiction(f"the blueprint {name} is not valid at commit {commit[:12]}")
        if certificate.parameters != effective(blueprint.parameters, job.parameters):
            raise _Contradiction("the parameters are not those of the job with its defaults")
        _judge_locks(certificate, registry, blueprint)


def _judge_locks(certificate: Certificate, registry: Registry, blueprint: Blueprint) -> None:
    names = {step.iae for step in blueprint.steps}
    if names != set(certificate.images):
        raise _Contradiction("the environments are not those of the blueprint's steps")
    for name in sorted(names):
        lock = registry.iae_lock(name).value
        if lock is None:
            raise _Contradiction(f"iae/{name}/iae.lock is not valid")
        pinned = certificate.images[name]
        _same(pinned.recipe, lock.recipe, f"the recipe of {name}")
        _same(pinned.image, lock.image, f"the image of {name}")
        _same(pinned.config, lock.config, f"the image configuration of {name}")


def _same_content(tree: GitTree, path: str, expected: GitContent) -> None:
    content = tree.read(path)
    if content is None:
        raise _Contradiction(f"commit {tree.commit[:12]} has no file {path}")
    algorithm = "sha1" if len(expected.blob) == 40 else "sha256"  # noqa: PLR2004 - hex digits of SHA-1
    _same(expected.sha256, sha256_bytes(content), f"the digest of {path}")
    _same(expected.blob, blob_id(content, algorithm), f"the git object of {path}")


def _ancestor(repo: Path, older: str, newer: str) -> None:
    if run_git(repo, ["merge-base", "--is-ancestor", older, newer]).returncode:
        raise _Contradiction(f"commit {older[:12]} is not part of commit {newer[:12]}")


def _same(said: str, found: str, what: str) -> None:
    if said != found:
        raise _Contradiction(f"{what} is {said} in the certificate, {found} in the registry")


def _text(problem: Exception) -> str:
    message = problem.message if isinstance(problem, NeurocaasError) else str(problem)
    return " ".join(message.split())
