"""Whether the parameters of a blueprint declare a sweep that the protocol can expand; no I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from neurocaas_ci.protocols.sweep import SWEEP

_WORDS = frozenset({"default", "description"})


class SweepProblem(NamedTuple):
    """What is wrong, and what to do."""

    message: str
    fix: str


def sweep_problem(schema: Mapping[str, Any], steps: tuple[str, ...]) -> SweepProblem | None:
    """Return the first problem of the parameter `sweep` over `steps`, or None."""
    properties = schema.get("properties")
    parameters = properties if isinstance(properties, Mapping) else {}
    sweep = _properties(parameters.get(SWEEP))
    if sweep is None:
        return SweepProblem(
            "a sweep needs a parameter `sweep`, an object without additional properties",
            f"add `sweep: {{type: object, additionalProperties: false, properties: {{{steps[0]}: ...}}}}`",
        )
    seen: set[str] = set()
    for step, axes in sweep.items():
        if step not in steps:
            known = ", ".join(f"`{known}`" for known in steps)
            return SweepProblem(
                f"`sweep.{step}` is no step that can be swept", f"there are: {known}"
            )
        swept = _properties(axes)
        if swept is None:
            return SweepProblem(
                f"`sweep.{step}` must be an object without additional properties",
                "add `type: object`, `additionalProperties: false` and one property per parameter",
            )
        for name, axis in swept.items():
            problem = _axis_problem(f"sweep.{step}.{name}", name, axis, parameters)
            if problem is not None:
                return problem
            if name in seen:
                return SweepProblem(
                    f"`{name}` can be swept in two steps", "keep it in the first that it changes"
                )
            seen.add(name)
    return None


def _axis_problem(
    place: str, name: str, axis: Any, parameters: Mapping[str, Any]
) -> SweepProblem | None:
    rule = parameters.get(name)
    if name == SWEEP or not isinstance(rule, Mapping):
        return SweepProblem(
            f"`{place}` is no parameter of this blueprint",
            "declare the parameter beside `sweep`, or leave it out",
        )
    if not _is_axis(axis, rule):
        return SweepProblem(
            f"`{place}` is not a list of values of `{name}`",
            "write `{type: array, minItems: 1, uniqueItems: true, items: ...}` with the schema "
            f"of `{name}` as items, without its default and description",
        )
    return None


def _properties(rule: Any) -> Mapping[str, Any] | None:
    """Return the properties of a closed object, or None when the rule is no such object."""
    if not isinstance(rule, Mapping) or rule.get("type") != "object":
        return None
    found = rule.get("properties")
    closed = rule.get("additionalProperties") is False
    return found if closed and isinstance(found, Mapping) else None


def _is_axis(axis: Any, rule: Mapping[str, Any]) -> bool:
    if not isinstance(axis, Mapping) or axis.get("type") != "array":
        return False
    least, items = axis.get("minItems"), axis.get("items")
    if not isinstance(least, int) or least < 1 or axis.get("uniqueItems") is not True:
        return False
    return bool(items == {key: value for key, value in rule.items() if key not in _WORDS})
