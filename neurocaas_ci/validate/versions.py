"""Versions of a blueprint: how they sort, and what a change asks of them; I/O is not handled here.

The numbers follow Semantic Versioning 2.0.0: a job that a version accepted is accepted by every
later one with the same first number (below 1.0.0: with the same second one).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.registry.document import Step

_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")


class Break(NamedTuple):
    """What a new version no longer does; `pointer` is where the new blueprint says so."""

    pointer: tuple[Step, ...]
    message: str


def number(version: str) -> tuple[int, ...]:
    """Return a version as numbers that sort."""
    return tuple(int(part) for part in version.split("."))


def is_compatible(old: str, new: str) -> bool:
    """Tell whether a version promises to accept what an older one accepted."""
    before, after = number(old), number(new)
    first = 1 if before[0] else 2
    return before[:first] == after[:first]


def next_version(old: Blueprint, new: Blueprint) -> str:
    """Return the lowest version that the changed blueprint may have."""
    major, minor, patch = number(old.version)
    if next(breaks(old, new), None) is None:
        return f"{major}.{minor}.{patch + 1}"
    return f"{major + 1}.0.0" if major else f"0.{minor + 1}.0"


def breaks(old: Blueprint, new: Blueprint) -> Iterator[Break]:
    """Yield what a job of the old version, or a reader of its results, would miss in the new one."""
    yield from _parameters(old.parameters, new.parameters, ())
    paths = {output.path for output in new.outputs if output.required}
    for output in old.outputs:
        if output.required and output.path not in paths:
            yield Break(("outputs",), f"the output `{output.path}` is no longer promised")
    yield from _datasets(old, new)


def _datasets(old: Blueprint, new: Blueprint) -> Iterator[Break]:
    before, after = old.datasets, new.datasets
    if after.suffixes and not before.suffixes:
        yield Break(("datasets", "suffixes"), "datasets of other suffixes are no longer accepted")
    for suffix in before.suffixes:
        if after.suffixes and not suffix.endswith(after.suffixes):
            yield Break(("datasets", "suffixes"), f"`{suffix}` datasets are no longer accepted")
    if after.max_size < before.max_size:
        yield Break(("datasets", "max_size"), "the largest dataset is smaller than before")


def _parameters(
    old: Mapping[str, Any], new: Mapping[str, Any], at: tuple[str, ...]
) -> Iterator[Break]:
    before, after = _mapping(old.get("properties")), _mapping(new.get("properties"))
    place = ("parameters", *at)
    closed = new.get("additionalProperties") is False
    for name, rule in before.items():
        if name in after:
            yield from _narrower(_mapping(rule), _mapping(after[name]), (*at, "properties", name))
        elif closed:
            yield Break((*place, "properties"), f"the parameter `{name}` is gone")
    if closed and old.get("additionalProperties") is not False:
        yield Break((*place, "additionalProperties"), "further parameters are no longer accepted")
    known = _names(old.get("required"))
    for name in _names(new.get("required")):
        if name not in known:
            yield Break((*place, "required"), f"the parameter `{name}` is now required")


def _narrower(
    old: Mapping[str, Any], new: Mapping[str, Any], at: tuple[str, ...]
) -> Iterator[Break]:
    name, place = at[-1], ("parameters", *at)
    if "type" in new and not _kinds(old) <= _kinds(new):
        yield Break((*place, "type"), f"the parameter `{name}` has another type")
    for key, sign in (*((key, 1) for key in _UPPER), *((key, -1) for key in _LOWER)):
        limit, before = _number(new.get(key)), _number(old.get(key))
        if limit is not None and (before is None or sign * limit < sign * before):
            yield Break((*place, key), f"the parameter `{name}` has a narrower `{key}`")
    accepted, choices = _choices(new), _choices(old)
    if accepted is not None and (
        choices is None or not all(_holds(accepted, value) for value in choices)
    ):
        yield Break(place, f"the parameter `{name}` no longer accepts every earlier value")
    for key in ("pattern", "multipleOf"):
        if key in new and new[key] != old.get(key):
            yield Break((*place, key), f"the parameter `{name}` has another `{key}`")
    yield from _inside(old, new, at)


def _inside(old: Mapping[str, Any], new: Mapping[str, Any], at: tuple[str, ...]) -> Iterator[Break]:
    if "items" in new:
        yield from _narrower(_mapping(old.get("items")), _mapping(new["items"]), (*at, "items"))
    if "properties" in old or "properties" in new:
        yield from _parameters(old, new, at)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _names(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _kinds(rule: Mapping[str, Any]) -> set[str]:
    kind = rule.get("type")
    kinds = set(_names(kind)) if isinstance(kind, list) else {kind}
    if "number" in kinds:
        kinds.add("integer")
    # A rule without a type accepts all of them.
    return {str(kind) for kind in kinds}


def _choices(rule: Mapping[str, Any]) -> list[Any] | None:
    if "const" in rule:
        return [rule["const"]]
    choices = rule.get("enum")
    return choices if isinstance(choices, list) else None


def _holds(values: list[Any], wanted: Any) -> bool:
    # In JSON, 1 and true are different values.
    flag = isinstance(wanted, bool)
    return any(value == wanted and isinstance(value, bool) == flag for value in values)


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
