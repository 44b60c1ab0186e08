"""What a registry asks of the cloud: its files to the template of the registry stack; no I/O here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from neurocaas_ci.deploy.access import crowded, members
from neurocaas_ci.deploy.bank import make_bank
from neurocaas_ci.deploy.registry_stack import registry_template
from neurocaas_ci.deploy.template import Json, too_large
from neurocaas_ci.model.cloud_names import role_name
from neurocaas_ci.model.registry import Group
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.registry import Loaded

T = TypeVar("T")


class Desired(NamedTuple):
    """The template, and in words why it must not be deployed (none means that it can be)."""

    template: Json
    problems: tuple[str, ...]


def desired(registry: Registry) -> Desired:
    """Return what a registry asks for; a file that cannot be read is a problem, not a guess."""
    problems: list[str] = []
    blueprints = _values(map(registry.blueprint, registry.blueprints()), problems)
    hardware = _values(map(registry.hardware, registry.hardware_ids()), problems)
    groups = _values(map(registry.group, registry.groups()), problems)
    bank = make_bank(blueprints, {entry.id: entry for entry in hardware})
    belonging = members(groups, _values(map(registry.user, registry.users()), problems))
    template = registry_template(bank.machines, groups, belonging)
    problems += [*bank.problems, *_same_role(groups), *crowded(belonging)]
    problems += [f"registry: {problem}; see docs/deploy.md" for problem in too_large(template)]
    return Desired(template, tuple(problems))


def _values(files: Iterable[Loaded[T]], problems: list[str]) -> list[T]:
    values = []
    for item in files:
        problems += [
            f"{finding.location.path}:{finding.location.line}: {finding.message}"
            for finding in item.findings
        ]
        if item.value is not None:
            values.append(item.value)
    return values


def _same_role(groups: list[Group]) -> list[str]:
    seen: dict[str, str] = {}
    problems = []
    for group in sorted(groups, key=lambda group: group.name):
        other = seen.setdefault(role_name(group.name), group.name)
        if other != group.name:
            problems.append(
                f"registry/groups/{group.name}.yaml: its role would be that of the group {other}; "
                "rename one of the two"
            )
    return problems
