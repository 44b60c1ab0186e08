"""The code owners of a registry, as its plan asks for approvals; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from neurocaas_ci.plan.approvals import Asked, approvals
from neurocaas_ci.plan.jobs import JobPlan
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import Change
from neurocaas_ci.registry.tree import REGULAR

PATH = ".github/CODEOWNERS"

_HEAD = """\
# Who has to approve what, for GitHub: `neurocaas init owners` writes this file from the registry. The last line
# that fits a path counts. Jobs have no owner: what is not its author's own is kept back by the plan.
"""
# Everything that is not data of the registry, or has no owner of its own yet.
_PLATFORM = (
    "/.github/", "/certificates/", "/iae/", "/neurocaas_ci/", "/registry/blueprints/",
    "/registry/groups/", "/registry/hardware/", "/registry/policy.yaml", "/registry/trust/",
    "/registry/users/", "/requirements*.lock", "/scripts/", "/pyproject.toml", "/zizmor.yml",
)  # fmt: skip
# Of these names alone no pattern can be made, or a line of its own.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def code_owners(registry: Registry) -> str:
    """Return the text of CODEOWNERS.

    What has owners of its own is theirs and the maintainers': GitHub passes over an owner without
    write access, and a line of which nobody is left would ask for no approval at all.
    """
    policy = registry.policy().value
    platform = () if policy is None else policy.maintainers
    rows = [(path, platform) for path in _PLATFORM]
    rows += [(path, (*owners, *platform)) for path, owners in _owned(registry)]
    width = max(len(path) for path, _ in rows)
    lines = [
        f"{path.ljust(width)} {' '.join(f'@{login}' for login in dict.fromkeys(logins))}".rstrip()
        for path, logins in rows
    ]
    return _HEAD + "".join(f"{line}\n" for line in lines)


def _owned(registry: Registry) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield what the plan lets owners approve, with their logins."""
    places = {f"registry/blueprints/{n}.yaml": n for n in registry.blueprints()}
    places |= {f"iae/{n}/iae.yaml": n for n in registry.iaes()}
    changes = [
        Change(path, "modified", REGULAR, REGULAR, "", "")
        for path, name in places.items()
        if _NAME.fullmatch(name)
    ]
    asked = Asked(registry, registry, None, errors=False, jobs=JobPlan())
    for one in approvals(asked, changes):
        if one.level == "owner":
            yield f"/{one.path.removesuffix('iae.yaml')}", one.approvers
