"""Which jobs are over, as a registry says: what the watchdog asks about what jobs have."""

from __future__ import annotations

import functools
from contextlib import ExitStack
from pathlib import Path

from neurocaas_ci.cli.common import find_repo, main_ref, say
from neurocaas_ci.deploy.leftover import Concluded
from neurocaas_ci.errors import NeurocaasError, UsageError
from neurocaas_ci.model.certificate import Certificate
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.places import (
    FOLDER,
    JOBS,
    MAX_BUNDLE,
    certificate_path,
    job_of,
    manifest_path,
)
from neurocaas_ci.model.results import log_file
from neurocaas_ci.registry import Registry


def concluded_in(
    stack: ExitStack, repo: Path | None, head: str | None, *, fetch: bool
) -> Concluded | None:
    """Return what main (or `head`) says of jobs: which will not go on, and what they resulted in.

    None where no registry was named and there is none around this folder.
    """
    from neurocaas_ci.audit.certificate import NotACertificateError, read_certificate
    from neurocaas_ci.audit.signature import read_payload
    from neurocaas_ci.registry.catfile import CatFile
    from neurocaas_ci.registry.git import GitTree, head_commit
    from neurocaas_ci.stores.s3_cell import cell_id

    try:
        root = find_repo(repo)
    except UsageError:
        if repo is not None:
            raise
        say("note: what jobs have left over is known only inside a clone of the registry")
        return None
    commit = head_commit(root, head or main_ref(root, fetch=fetch))
    tree = GitTree(root, commit, shared=stack.enter_context(CatFile(root)))
    registry = Registry(tree)
    manifests = {entry.path for entry in tree.entries(JOBS)}
    certified = {entry.path for entry in tree.entries(FOLDER)}

    def over(job: str) -> str:
        path = manifest_path(job)
        if certificate_path(job) in certified:
            return "its certificate is there"
        if path not in manifests:
            return f"main ({commit[:12]}) has no such job"
        found = registry.job(path).value
        return "it was cancelled" if found is not None and found.cancelled else ""

    @functools.lru_cache(maxsize=1)
    def certificate(job: str) -> Certificate | None:
        bundle = tree.read(certificate_path(job), MAX_BUNDLE) or b""
        try:
            return read_certificate(read_payload(bundle))
        except (NeurocaasError, NotACertificateError) as error:
            say(f"note: what {job} has left is not looked at: {error}")
            return None

    def results(job: str) -> dict[str, Sha256] | None:
        found = certificate(job)
        return {**found.byproducts, **found.subjects} if found else None

    def logs(job: str) -> dict[str, Sha256 | None]:
        found, named = certificate(job), results(job)
        return {run: named.get(log_file(run)) for run in found.runs} if found and named else {}

    jobs = filter(None, (job_of(path) for path in certified))
    return Concluded(over, {cell_id(job): job for job in jobs}, results, logs)
