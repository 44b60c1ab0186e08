"""Judge the parameters of a job, and the schema that a blueprint asks of them; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from neurocaas_ci.registry.document import Step
from neurocaas_ci.schemas.check import nearest
from neurocaas_ci.validate.patterns import MAX_TEXT, objection

# Work grows with the product of the two sizes.
_MAX_SCHEMA = 2_000
_MAX_VALUES = 1_000
_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "empty",
}


class Problem(NamedTuple):
    """One problem below `pointer`; `on_key` puts it on the key, not the value."""

    pointer: tuple[Step, ...]
    message: str
    fix: str
    on_key: bool = False


def schema_problems(schema: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with a parameter schema: form, references, dangerous patterns."""
    from jsonschema import Draft7Validator

    size = _size(schema)
    if size > _MAX_SCHEMA:
        text = f"the parameter schema has {size} values, more than {_MAX_SCHEMA}"
        return [Problem((), text, "describe parameters; data belongs into a dataset")]
    problems: list[Problem] = []
    if schema.get("type") != "object":
        text = "the parameter schema is not of type object"
        problems.append(Problem((), text, "write `type: object` and one entry per parameter"))
    for error in Draft7Validator(Draft7Validator.META_SCHEMA).iter_errors(schema):
        pointer = tuple(error.absolute_path)
        name = f"`{pointer[-1]}`" if pointer else "this"
        problems.append(
            Problem(
                pointer, f"{name} is not JSON Schema (draft-07): it {_plain(error)}", _fix(error)
            )
        )
    if not problems:
        problems += _dangers(schema, ())
    return problems


def default_problems(schema: Mapping[str, Any], at: tuple[Step, ...] = ()) -> Iterator[Problem]:
    """Yield the defaults that their own rule does not accept; the schema must be sound."""
    properties = schema.get("properties", {})
    for name, rule in properties.items():
        if not isinstance(rule, Mapping):
            continue
        place = (*at, "properties", name)
        if "default" in rule:
            for problem in value_problems(rule, rule["default"]):
                pointer = (*place, "default", *problem.pointer)
                text = f"the default of `{name}` does not fit: {problem.message}"
                yield Problem(pointer, text, problem.fix)
        yield from default_problems(rule, place)


def value_problems(schema: Mapping[str, Any], values: Any) -> list[Problem]:
    """Return what is wrong with values under a sound schema."""
    from jsonschema import Draft7Validator
    from referencing import Registry

    size = _size(values)
    if size > _MAX_VALUES:
        text = f"the parameters have {size} values, more than {_MAX_VALUES}"
        return [Problem((), text, "put large data into a dataset")]
    if _longest(values) > MAX_TEXT and "pattern" in repr(schema):
        text = f"a text has more than {MAX_TEXT} characters, and the blueprint asks for patterns"
        return [Problem((), text, "shorten it, or put it into a dataset")]
    problems: list[Problem] = []
    # An empty registry: nothing is ever fetched, whatever a schema refers to.
    validator = Draft7Validator(schema, registry=Registry())
    for error in validator.iter_errors(values):
        pointer = tuple(error.absolute_path)
        if error.validator == "additionalProperties" and error.validator_value is False:
            known = error.schema.get("properties", {})
            forms = list(error.schema.get("patternProperties", {}))
            for key in error.instance:
                if key not in known and not any(re.search(form, key) for form in forms):
                    fix = nearest(key, known) or f"known: {', '.join(known) or 'none'}"
                    text = f"there is no parameter `{key[:60]}`"
                    problems.append(Problem((*pointer, key), text, fix, on_key=True))
        else:
            name = f"`{'.'.join(map(str, pointer))}`" if pointer else "it"
            problems.append(Problem(pointer, f"{name} {_plain(error)}", _fix(error)))
    return problems


def _size(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + sum(_size(child) for child in value.values())
    if isinstance(value, list):
        return 1 + sum(_size(child) for child in value)
    return 1


def _longest(value: Any) -> int:
    if isinstance(value, Mapping):
        return max((max(len(key), _longest(child)) for key, child in value.items()), default=0)
    if isinstance(value, list):
        return max((_longest(child) for child in value), default=0)
    return len(value) if isinstance(value, str) else 0


def _dangers(schema: Any, at: tuple[Step, ...]) -> Iterator[Problem]:
    """Yield references and patterns that could make judging a job endless."""
    if isinstance(schema, list):
        for index, child in enumerate(schema):
            yield from _dangers(child, (*at, index))
    if not isinstance(schema, Mapping):
        return
    named = bool(at) and at[-1] in {"properties", "definitions"}
    for key, child in schema.items():
        if not named:
            yield from _danger(key, child, (*at, key))
        if named or key not in {"default", "const", "enum", "examples"}:
            yield from _dangers(child, (*at, key))


def _danger(key: str, child: Any, at: tuple[Step, ...]) -> Iterator[Problem]:
    if key == "$ref":
        text = "`$ref` is not supported in parameters"
        yield Problem(at, text, "write the referenced schema out in its place", on_key=True)
    patterns = {"pattern": [child], "patternProperties": child}.get(key, ())
    for pattern in patterns:
        reason = objection(pattern)
        if reason:
            fix = "use character classes and bounds, such as ^[a-z]{1,20}$"
            yield Problem(at, f"this pattern is not accepted: {reason}", fix)


_BOUNDS = {
    "minimum": "be at least",
    "maximum": "be at most",
    "exclusiveMinimum": "be more than",
    "exclusiveMaximum": "be less than",
    "multipleOf": "be a multiple of",
    "minItems": "have at least this number of entries:",
    "maxItems": "have at most this number of entries:",
    "minLength": "have at least this number of characters:",
    "maxLength": "have at most this number of characters:",
    "pattern": "match the pattern",
}


def _plain(error: Any) -> str:
    """Say in plain words what jsonschema found."""
    keyword, asked = error.validator, error.validator_value
    if keyword == "required":
        missing = [f"`{key}`" for key in asked if key not in error.instance]
        return f"has no value for {', '.join(missing)}"
    if keyword == "type":
        kinds = asked if isinstance(asked, list) else [asked]
        must = f"be {' or '.join(_TYPES.get(kind, str(kind)) for kind in kinds)}"
    elif keyword in _BOUNDS:
        must = f"{_BOUNDS[keyword]} {asked}"
    elif keyword == "enum":
        must = f"be one of {', '.join(map(_show, asked))}"
    elif keyword == "const":
        must = f"be {_show(asked)}"
    elif keyword == "uniqueItems":
        must = "not hold the same entry twice"
    elif keyword in {"anyOf", "oneOf"}:
        forms = f"{len(asked)} allowed forms"
        must = f"fit {'one' if keyword == 'anyOf' else 'exactly one'} of the {forms}"
    else:
        return f"is not accepted: {error.message}"[:200]
    return f"is {_show(error.instance)}, but must {must}"


def _fix(error: Any) -> str:
    if error.validator in {"enum", "type"}:
        choices = error.validator_value if error.validator == "enum" else ()
        return nearest(error.instance, choices) or "correct the value"
    if error.validator == "required":
        return "add it"
    rule = error.schema.get("description") if isinstance(error.schema, Mapping) else None
    return f"correct the value ({rule})" if isinstance(rule, str) else "correct the value"


def _show(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "empty", True: "true", False: "false"}[value]
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - characters shown
