"""What one template does to the stack of another, resource by resource; no I/O here.

CloudFormation is not asked. Which properties replace a resource is in the schemas that AWS publishes
for resource types; they come in from outside, and where they are missing nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from neurocaas_ci.model.deploy import PropertyChange, Replacing, ResourceChange, StackVerb

_KEPT = {"Retain", "RetainExceptOnCreate"}
_NAMES = (
    "JobQueueName", "RoleName", "LogGroupName", "BucketName", "ManagedPolicyName", "TopicName",
)  # fmt: skip


class Immutable(NamedTuple):
    """Properties of a resource type that cannot be changed in place, always or in some cases."""

    always: Sequence[str]
    sometimes: Sequence[str]


ImmutableOf = Callable[[str], Immutable | None]
"""By resource type; None when it is not known."""


def difference(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], immutable_of: ImmutableOf
) -> tuple[ResourceChange, ...]:
    """Return what happens to the resources of a stack, those first that others will need."""
    old: Mapping[str, Any] = before["Resources"] if before else {}
    new: Mapping[str, Any] = after["Resources"]
    changes = [
        *(_created(name, new[name]) for name in new if name not in old),
        *(
            _with_names(_changed(name, old[name], new[name], immutable_of), old, new)
            for name in new
            if name in old and old[name] != new[name]
        ),
        *(_removed(name, old[name]) for name in old if name not in new),
    ]
    order = ("create", "update", "may replace", "unknown", "replace", "keep", "delete")
    return tuple(sorted(changes, key=lambda c: (order.index(c.verb), c.type, c.shown)))


def shown_name(resource: Mapping[str, Any], fallback: str) -> str:
    """Return the name that people know a resource by."""
    properties = resource.get("Properties", {})
    budget = properties.get("Budget", {}).get("BudgetName")
    for name in (budget, *(properties.get(key) for key in _NAMES), _name_tag(properties)):
        if isinstance(name, str):
            return name
    return fallback


def _name_tag(properties: Mapping[str, Any]) -> Any:
    tags = properties.get("Tags", ())
    for entry in properties.get("TagSpecifications", ()):
        tags = entry["Tags"]
    if isinstance(tags, Mapping):
        return tags.get("Name")
    return next((tag["Value"] for tag in tags if tag["Key"] == "Name"), None)


def _created(name: str, resource: Mapping[str, Any]) -> ResourceChange:
    return ResourceChange(name, resource["Type"], "create", shown_name(resource, name))


def _removed(name: str, resource: Mapping[str, Any]) -> ResourceChange:
    verb: StackVerb = "keep" if resource.get("DeletionPolicy") in _KEPT else "delete"
    return ResourceChange(name, resource["Type"], verb, shown_name(resource, name))


def _changed(
    name: str, old: Mapping[str, Any], new: Mapping[str, Any], immutable_of: ImmutableOf
) -> ResourceChange:
    shown = shown_name(new, name)
    if old["Type"] != new["Type"]:
        kind = PropertyChange("/Type", old["Type"], new["Type"], "yes")
        return ResourceChange(name, new["Type"], "replace", shown, (kind,))
    immutable = immutable_of(new["Type"])
    properties = tuple(
        PropertyChange(pointer, was, now, _replacing(pointer, immutable))
        for pointer, was, now in _leaves(old.get("Properties", {}), new.get("Properties", {}), "")
    )
    return ResourceChange(name, new["Type"], _verb(properties), shown, properties)


def _with_names(
    change: ResourceChange, old: Mapping[str, Any], new: Mapping[str, Any]
) -> ResourceChange:
    """Show the names of other resources where values refer to them."""
    return change._replace(
        properties=tuple(
            item._replace(before=_named(item.before, old), after=_named(item.after, new))
            for item in change.properties
        )
    )


def _named(value: Any, resources: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_named(item, resources) for item in value]
    if not isinstance(value, Mapping):
        return value
    target = value.get("Ref")
    if isinstance(target, str) and target in resources:
        return shown_name(resources[target], target)
    return {key: _named(item, resources) for key, item in value.items()}


def _verb(properties: Sequence[PropertyChange]) -> StackVerb:
    ways = {change.replaces for change in properties}
    verbs: tuple[tuple[Replacing, StackVerb], ...] = (
        ("yes", "replace"), ("maybe", "may replace"), ("unknown", "unknown"),
    )  # fmt: skip
    return next((verb for way, verb in verbs if way in ways), "update")


def _replacing(pointer: str, immutable: Immutable | None) -> Replacing:
    if immutable is None:
        return "unknown"
    if _hits(pointer, immutable.always):
        return "yes"
    return "maybe" if _hits(pointer, immutable.sometimes) else "no"


def _hits(pointer: str, listed: Sequence[str]) -> bool:
    """Tell whether a changed property is a listed one, lies in one, or holds one."""
    path = [part for part in pointer.split("/") if not part.isdigit()][1:]
    for entry in listed:
        other = [part for part in entry.removeprefix("/properties/").split("/") if part != "*"]
        shared = min(len(path), len(other))
        if path[:shared] == other[:shared]:
            return True
    return False


def _leaves(before: Any, after: Any, pointer: str) -> Iterator[tuple[str, Any, Any]]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping) and not _computed(before, after):
        for key in sorted({*before, *after}):
            yield from _leaves(before.get(key), after.get(key), f"{pointer}/{_escaped(key)}")
        return
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (was, now) in enumerate(zip(before, after, strict=True)):
            yield from _leaves(was, now, f"{pointer}/{index}")
        return
    yield pointer, before, after


def _computed(*values: Mapping[str, Any]) -> bool:
    return any(key == "Ref" or key.startswith("Fn::") for value in values for key in value)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
