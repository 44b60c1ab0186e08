"""What merged jobs need before they run: whose part of the store, and which environments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from neurocaas_ci.build.images import Images
from neurocaas_ci.errors import FindingsError, NeurocaasError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.registry import Job
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import published
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.tree import Tree
from neurocaas_ci.run.pending import manifests, without_certificate

# Of registry/jobs/<login>/<yyyy-mm>/<job>.yaml.
_MONTH = 3
_JUDGE = "`neurocaas validate` says what is wrong, where, and how to mend it"


class _Environment(NamedTuple):
    """An environment as the commit of a blueprint's version pins it."""

    tree: Tree
    name: str
    image: Sha256


def open_jobs(head: GitTree) -> tuple[Job, ...]:
    """Return the valid jobs of main that have no certificate; whether they ran is not looked at."""
    registry = Registry(head)
    found = (registry.job(path).value for path in without_certificate(head))
    return tuple(job for job in found if job is not None)


def removing_jobs(head: GitTree, months: Collection[str]) -> tuple[Job, ...]:
    """Return the valid jobs of some months (`yyyy-mm`) that do not keep their inputs.

    Whether these have been deleted only the store knows.
    """
    registry = Registry(head)
    paths = (path for path in manifests(head) if path.split("/")[_MONTH] in months)
    found = (registry.job(path).value for path in paths)
    return tuple(job for job in found if job is not None and not job.keep_inputs)


def groups_of(jobs: Sequence[Job]) -> tuple[str, ...]:
    """Return the groups that have any of these jobs, sorted."""
    return tuple(sorted({job.group for job in jobs if job.group is not None}))


def write_images(
    repo: Path,
    head: GitTree,
    jobs: Sequence[Job],
    images: Images,
    target: Path,
    say: Callable[[str], None],
) -> dict[Sha256, str]:
    """Write the environments of jobs below `target`, each a layout by its digest; return their names.

    What is not on this machine is built. What cannot be had is told by `say` and left out: jobs
    that need it wait, others do not.
    """
    written: dict[Sha256, str] = {}
    for name, version in sorted({(j.blueprint, j.version) for j in jobs if j.cancelled is None}):
        try:
            for found in _environments(repo, head, name, version):
                if found.image not in written:
                    images.export(*found, target / found.image)
                    written[found.image] = found.name
        except NeurocaasError as error:
            say(f"note: {name}@{version} has to wait: {error}")
    return written


def _environments(repo: Path, head: GitTree, name: str, version: str) -> Iterator[_Environment]:
    with head.at(published(repo, head.commit, name, version, head.objects)) as tree:
        registry = Registry(tree)
        blueprint = registry.blueprint(name).value
        if blueprint is None:
            raise FindingsError("the blueprint is not valid", where=name, hint=_JUDGE)
        for step in blueprint.steps:
            lock = registry.iae_lock(step.iae).value
            if lock is None:
                raise FindingsError(
                    "the lock is not valid", where=f"iae/{step.iae}/iae.lock", hint=_JUDGE
                )
            yield _Environment(tree, step.iae, lock.image)
