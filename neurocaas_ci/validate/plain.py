"""Accept the parameters of most jobs without the JSON Schema library; I/O is not handled here.

Importing `jsonschema` takes longer than everything else that judging one job does. Nearly all parameter
schemas are flat lists of numbers, texts and switches with bounds; for those this answers, and whatever
it does not know, or does not accept, the library judges and words. The tests hold it against `jsonschema`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_MAX_PARAMETERS = 200
_MAX_CHOICES = 200
_NOTES = {"description", "title", "default"}


def accepts(schema: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Tell whether a schema is plain and sound, and the values fit; False means: ask the library."""
    rules = schema.get("properties", {})
    required = schema.get("required", [])
    known = {"type", "additionalProperties", "properties", "required", "description", "title"}
    if (
        schema.get("type") != "object"
        or schema.keys() - known
        or schema.get("additionalProperties", False) is not False
        or not isinstance(rules, Mapping)
        or len(rules) > _MAX_PARAMETERS
        or not _are_names(required)
        or not _are_notes(schema)
        or not all(isinstance(rule, Mapping) and _is_plain(rule) for rule in rules.values())
    ):
        return False
    if any(key not in values for key in required):
        return False
    return all(name in rules and _fits(rules[name], value) for name, value in values.items())


def _are_names(required: object) -> bool:
    if not isinstance(required, list) or len(required) > _MAX_PARAMETERS:
        return False
    return all(isinstance(key, str) for key in required) and len(set(required)) == len(required)


def _are_notes(rule: Mapping[str, Any]) -> bool:
    return all(isinstance(rule.get(key, ""), str) for key in ("description", "title"))


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _length(value: object) -> bool:
    return _integer(value) and isinstance(value, int) and value >= 0


_IS: Mapping[str, Callable[[object], bool]] = {
    "integer": _integer,
    "number": _number,
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
}
_BOUNDS: Mapping[str, tuple[Callable[[object], bool], Callable[[Any, Any], bool]]] = {
    "minimum": (_number, lambda value, bound: value >= bound),
    "maximum": (_number, lambda value, bound: value <= bound),
    "exclusiveMinimum": (_number, lambda value, bound: value > bound),
    "exclusiveMaximum": (_number, lambda value, bound: value < bound),
    "minLength": (_length, lambda value, bound: len(value) >= bound),
    "maxLength": (_length, lambda value, bound: len(value) <= bound),
}
_FOR_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_BOUNDS_OF = {
    "integer": _FOR_NUMBERS,
    "number": _FOR_NUMBERS,
    "string": frozenset({"minLength", "maxLength"}),
    "boolean": frozenset[str](),
}


def _is_plain(rule: Mapping[str, Any]) -> bool:
    """Tell whether a rule has one simple type and bounds that belong to it."""
    kind = rule.get("type")
    if not isinstance(kind, str) or kind not in _IS or not _are_notes(rule):
        return False
    for key, bound in rule.items():
        if key == "type" or key in _NOTES:
            continue
        if key == "enum":
            if not isinstance(bound, list) or len(bound) > _MAX_CHOICES:
                return False
        elif key not in _BOUNDS_OF[kind] or not _BOUNDS[key][0](bound):
            return False
    return True


def _fits(rule: Mapping[str, Any], value: Any) -> bool:
    if not _IS[rule["type"]](value):
        return False
    choices = rule.get("enum")
    if choices is not None and not any(type(c) is type(value) and c == value for c in choices):
        return False
    return all(_BOUNDS[key][1](value, rule[key]) for key in rule if key in _BOUNDS)
