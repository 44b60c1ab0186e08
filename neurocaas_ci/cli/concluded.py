"""Which jobs are over, as a registry says: what the watchdog asks about the roles of jobs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from neurocaas_ci.cli.common import find_repo, main_ref, say
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.places import FOLDER, JOBS, certificate_path, manifest_path
from neurocaas_ci.registry import Registry


def concluded_in(
    stack: ExitStack, repo: Path | None, head: str | None, *, fetch: bool
) -> Callable[[str], str] | None:
    """Return what says why a job will not go on at main (or `head`), and nothing while it may.

    None where no registry was named and there is none around this folder.
    """
    from neurocaas_ci.registry.catfile import CatFile
    from neurocaas_ci.registry.git import GitTree, head_commit

    try:
        root = find_repo(repo)
    except UsageError:
        if repo is not None:
            raise
        say("note: which roles of jobs are left over is known only inside a clone of the registry")
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

    return over
