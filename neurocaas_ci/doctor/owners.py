"""Check of the code owners: that GitHub asks whom the registry names."""

from __future__ import annotations

from pathlib import Path

from neurocaas_ci.doctor.check import Check, Outcome, fail, ok, warn
from neurocaas_ci.plan.owners import PATH, code_owners
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree

_FIX = "`neurocaas init owners`, then bring the file onto main by pull request"


def checks(repo: Path, ref: str, *, hosted: bool) -> list[Check]:
    """Return the check of main (`ref`); `hosted` says that a forge reads the file.

    There is none where no forge does and no file is there.
    """
    with GitTree(repo, ref) as tree:
        if not hosted and tree.read(PATH, 0) is None:
            return []
    return [Check("code-owners", lambda: _owners(repo, ref))]


def _owners(repo: Path, ref: str) -> Outcome:
    with GitTree(repo, ref) as tree:
        wanted = code_owners(Registry(tree)).splitlines()
        content = tree.read(PATH)
    if content is None:
        return fail(f"main has no {PATH}: no approval of an owner is ever asked for", _FIX)
    found = content.decode("utf-8", "replace").splitlines()
    if found == wanted:
        return ok(f"{PATH} says what the registry says")
    changed = [line.split()[0] for line in wanted if line not in found and line.startswith("/")]
    gone = [line.split()[0] for line in found if line not in wanted and line.startswith("/")]
    named = list(dict.fromkeys([*changed, *gone]))
    first = f", first of all {named[0]}" if named else ""
    count = f"{len(named)} lines" if len(named) != 1 else "1 line"
    return warn(f"{PATH} on main is stale: {count} differ{first}", _FIX)
