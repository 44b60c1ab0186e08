"""What is in an account and in no template: extra policies, resources, open doors; no I/O here.

CloudFormation compares what a template says with what there is. What was added beside it, it never
reports: a policy attached to a role that declares none, a rule of a security group, a whole resource.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from neurocaas_ci.model.deploy import Drifted

_MACHINE = "machine"


class Role(NamedTuple):
    """A role with the names of its inline policies and the ARNs of the attached ones."""

    name: str
    inline: tuple[str, ...]
    attached: tuple[str, ...]
    boundary: str = ""


class Tagged(NamedTuple):
    """A resource with our tag, by its ARN, and the value of the tag."""

    arn: str
    value: str


class Declared(NamedTuple):
    """What templates say of roles: inline policies, the ends of attached ARNs, whether bounded."""

    inline: frozenset[str]
    attached: frozenset[str]
    bounded: bool


def declared_roles(templates: Iterable[Mapping[str, Any]]) -> dict[str, Declared]:
    """Return the roles of deployed templates by name."""
    found = {}
    for template in templates:
        for resource in template.get("Resources", {}).values():
            properties = resource.get("Properties", {})
            name = properties.get("RoleName")
            if resource["Type"] == "AWS::IAM::Role" and isinstance(name, str):
                found[name] = Declared(
                    frozenset(entry["PolicyName"] for entry in properties.get("Policies", ())),
                    frozenset(_end(arn) for arn in properties.get("ManagedPolicyArns", ())),
                    "PermissionsBoundary" in properties,
                )
    return found


def audit_roles(roles: Iterable[Role], declared: Mapping[str, Declared]) -> list[Drifted]:
    """Return roles that no template has, and rights that no template gives."""
    found = []
    for role in sorted(roles):
        known = declared.get(role.name)
        if known is None:
            found.append(Drifted("extra", f"role {role.name}", "is in our path and in no stack"))
            continue
        found += [
            Drifted("policy", f"role {role.name}", f"has the inline policy {name} besides its own")
            for name in sorted(role.inline)
            if name not in known.inline
        ]
        found += [
            Drifted("policy", f"role {role.name}", f"has {arn} attached")
            for arn in sorted(role.attached)
            if _end(arn) not in known.attached
        ]
        if known.bounded and not role.boundary:
            found.append(
                Drifted("policy", f"role {role.name}", "has lost its permissions boundary")
            )
    return found


def audit_tagged(tagged: Iterable[Tagged], physical: Collection[str]) -> list[Drifted]:
    """Return resources with our tag that no stack made; machines come and go by themselves."""
    known = set(physical)
    found = []
    for item in sorted(tagged):
        if item.value == _MACHINE or known & _ends(item.arn.removesuffix(":*")):
            continue
        detail = "has our tag and is in no stack"
        if ":compute-environment/" in item.arn:
            detail = "was left by an earlier deployment; `deploy --watchdog --end` takes it away"
        found.append(Drifted("extra", item.arn, detail))
    return found


def audit_doors(groups: Iterable[tuple[str, str, Iterable[str]]]) -> list[Drifted]:
    """Return security groups (id, name, rules in words) that let something in: ours never do."""
    return [
        Drifted("extra", f"security group {name}", f"lets in {', '.join(sorted(rules))}")
        for name, _, rules in sorted(groups)
        if rules
    ]


def _ends(arn: str) -> set[str]:
    """Return everything that CloudFormation may call a resource: its ARN, or an end of it."""
    return {arn} | {arn[index + 1 :] for index, sign in enumerate(arn) if sign in "/:"}


def _end(arn: Any) -> str:
    """Return what follows the account in an ARN, also in one that is still to be filled in."""
    text = arn.get("Fn::Sub", "") if isinstance(arn, Mapping) else arn
    return str(text).rpartition(":policy/")[2]
