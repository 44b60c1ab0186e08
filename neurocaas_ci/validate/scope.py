"""Which files of a registry a change can break; I/O is not handled here.

A file is judged when it changed, and when its kind refers to a kind that changed: removing a user can
break groups and blueprints, never another user's job that has long been merged (jobs in use are
looked at by the rules about removal).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import Change

PROTOCOLS = "neurocaas_ci/protocols"
KINDS = frozenset({"blueprints", "hardware", "users", "groups", "policy", "iae"})

# Kind that changed -> kinds with rules that look at both.
_TOUCHES = {
    "users": {"users", "groups", "blueprints", "policy"},
    "groups": {"groups", "users", "blueprints"},
    "hardware": {"hardware", "blueprints"},
    "blueprints": {"blueprints", "groups"},
    "policy": {"policy"},
    "trust": {"policy"},
    "iae": {"blueprints"},
}


class Scope(NamedTuple):
    """The files to be judged: whole kinds, single environments (None: all), manifests by path.

    `everything` means that all other files of the registry are looked at as well, not only changed
    ones.
    """

    kinds: frozenset[str]
    iaes: tuple[str, ...] | None
    jobs: tuple[str, ...]
    everything: bool = False


def whole(head: Registry) -> Scope:
    """Return the scope of everything."""
    return Scope(KINDS, None, tuple(head.jobs()), everything=True)


def reach(changes: Iterable[Change]) -> Scope:
    """Return what a change can break; a deleted file is in no scope, what refers to it is."""
    kinds: set[str] = set()
    iaes: set[str] = set()
    jobs: set[str] = set()
    for change in changes:
        for path in (change.path, change.old_path):
            kind = None if path is None else _kind(path)
            if path is None or kind is None:
                continue
            kinds |= _TOUCHES.get(kind, set())
            if kind == "iae":
                iaes.add(path.split("/")[1])
            elif kind == "jobs" and path == change.path and change.status != "deleted":
                jobs.add(path)
    return Scope(
        frozenset(kinds | ({"iae"} if iaes else set())),
        tuple(sorted(iaes)),
        tuple(sorted(path for path in jobs if Registry.is_job(path))),
    )


def within(scope: Scope, wanted: Iterable[str]) -> Scope:
    """Return the part of a scope that lies at or below one of the wanted paths."""
    roots = tuple(wanted)

    def kept(path: str) -> bool:
        return lies_in(path, roots)

    def met(folder: str) -> bool:
        return kept(folder) or any(root.startswith(f"{folder}/") for root in roots)

    kinds = {k for k in scope.kinds if k == "iae" or met(f"registry/{k}") or k == "policy"}
    iaes = scope.iaes
    if not met("iae"):
        kinds.discard("iae")
    elif not kept("iae"):
        named = {root.split("/")[1] for root in roots if root.startswith("iae/")}
        iaes = tuple(sorted(named if iaes is None else named & set(iaes)))
    jobs = tuple(path for path in scope.jobs if kept(path))
    return Scope(frozenset(kinds), iaes, jobs, scope.everything)


def lies_in(path: str, roots: Iterable[str]) -> bool:
    """Tell whether a path is one of the roots or below one; the empty root holds everything."""
    return any(root in {"", path} or path.startswith(f"{root}/") for root in roots)


def _kind(path: str) -> str | None:
    parts = path.split("/")
    if parts[0] == "iae" and len(parts) > 2:  # noqa: PLR2004 - iae/<name>/<file>
        return "iae"
    if parts[0] != "registry" or len(parts) < 2:  # noqa: PLR2004 - registry/<kind>
        return None
    return "policy" if path == "registry/policy.yaml" else parts[1]
