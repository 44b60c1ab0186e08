"""Find merged jobs, and the commits that merged them, in the order of the history."""

from __future__ import annotations

import subprocess
from collections.abc import Collection
from pathlib import Path

from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.places import FOLDER, JOBS, certificate_path, job_id
from neurocaas_ci.named import NamedTuple
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run import records
from neurocaas_ci.stores.interface import StateStore


class Merged(NamedTuple):
    """A job on main: its manifest, the commit that brought it, and when (seconds since epoch)."""

    path: str
    commit: str
    time: int

    @property
    def id(self) -> str:
        """Return `<login>/<yyyy-mm>/<job>`."""
        return job_id(self.path)


def manifests(tree: GitTree) -> list[str]:
    """Return the paths of all job manifests of a tree."""
    entries = tree.entries(JOBS)
    return [e.path for e in entries if e.path.endswith(".yaml") and e.path.count("/") == 4]  # noqa: PLR2004 - registry/jobs/<login>/<yyyy-mm>/<job>.yaml


def unfinished(tree: GitTree, state: StateStore) -> list[str]:
    """Return the manifests of all jobs that have neither a record here nor a certificate."""
    return [path for path in without_certificate(tree) if state.read(_record(path)) is None]


def uncertified(tree: GitTree, state: StateStore) -> list[str]:
    """Return the manifests of all jobs that have a record here, but no certificate."""
    return [path for path in without_certificate(tree) if state.read(_record(path)) is not None]


def of_group(tree: GitTree, paths: Collection[str], group: str | None) -> list[str]:
    """Return the manifests of a group's jobs, and those that say nothing; all without a group."""
    if group is None:
        return list(paths)
    from neurocaas_ci.registry import Registry  # most commands read no manifest

    registry = Registry(tree)
    jobs = ((path, registry.job(path).value) for path in paths)
    return [path for path, job in jobs if job is None or job.group == group]


def without_certificate(tree: GitTree) -> list[str]:
    """Return the manifests of all jobs that have no certificate, wherever they stand."""
    certified = {entry.path for entry in tree.entries(FOLDER)}
    return [path for path in manifests(tree) if certificate_path(job_id(path)) not in certified]


def _record(path: str) -> str:
    return records.job_key(job_id(path))


def select(tree: GitTree, names: Collection[str]) -> list[str]:
    """Return the manifests of the named jobs; a unique job name without its folder will do.

    Raise UsageError for a name that fits no job or several.
    """
    every = manifests(tree)
    chosen: list[str] = []
    for name in names:
        plain = name.removeprefix(f"{JOBS}/").removesuffix(".yaml").strip("/")
        fits = [path for path in every if f"/{job_id(path)}".endswith(f"/{plain}")]
        if len(fits) != 1:
            known = ", ".join(job_id(path) for path in (fits or every[-5:]))
            raise UsageError(
                f"{name!r} names {'no merged job' if not fits else 'several jobs'}",
                hint=f"write <login>/<yyyy-mm>/<job>; {'known' if not fits else 'fitting'}: {known or 'none'}",
            )
        chosen += fits
    return chosen


def in_merge_order(repo: Path, head: str, paths: Collection[str]) -> list[Merged]:
    """Return the jobs in the order in which main took them, with the commits that did."""
    if not paths:
        return []
    wanted = set(paths)
    few = sorted(wanted) if len(wanted) <= 100 else [JOBS]  # noqa: PLR2004 - argument list length
    command = ["git", "-C", str(repo), "log", "--first-parent", "-m", "--diff-filter=A"]
    command += ["--no-renames", "--name-only", "--format=%x01%H %ct", "-z", head, "--", *few]
    output = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    found: dict[str, tuple[int, Merged]] = {}
    commit, time, age = "", 0, 0
    for field in output.replace("\x01", "\0\x01").split("\0"):
        text = field.strip("\n")
        if text.startswith("\x01"):
            commit, _, seconds = text[1:].partition(" ")
            time = int(seconds)
            age += 1
        elif text in wanted:
            # Newest first: a later line is an earlier commit, the one that counts.
            found[text] = (age, Merged(text, commit, time))
    ordered = sorted(found.values(), key=lambda pair: (-pair[0], pair[1].path))
    return [merged for _, merged in ordered]
