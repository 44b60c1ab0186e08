"""Compile one of our schemas to a plain yes or no; I/O is not handled here.

Nearly every file of a registry is right, and there may be 100,000 of them. `check` walks a schema to
word what is wrong; this asks the same questions, in closures that are made once per schema, and takes
a quarter of the time. What no file has needed yet is not made: one command reads five files, and
compiling all patterns of their schemas would take longer than all the rest of reading them. The tests
hold each against the other, and both against `jsonschema`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from neurocaas_ci import schemas

Test = Callable[[Any], bool]

IS_OF_TYPE: Mapping[str, Test] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
}


@functools.cache
def fits(kind: str) -> Test:
    """Return the test whether data fits the schema of a kind of file."""
    schema = schemas.load(kind)
    return fitting(schema, schema.get("definitions", {}))


def fitting(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Test:
    """Return the test whether data fits a schema whose references lead to `definitions`."""
    return _Compiler(definitions).test(schema)


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return the pattern as ECMA 262, which JSON Schema cites, reads it.

    There, `$` does not match before a final line feed.
    """
    return re.compile(f"{pattern[:-1]}\\Z" if pattern.endswith("$") else pattern)


class _Compiler:
    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._named: dict[str, Test] = {}

    def test(self, schema: Mapping[str, Any]) -> Test:
        """Return the test of a schema; a reference counts alone, as draft-07 has it."""
        if "$ref" in schema:
            return self._reference(schema["$ref"].rpartition("/")[2])
        return _all(tuple(self._tests(schema)))

    def _reference(self, name: str) -> Test:
        """Return the test of a definition, which may contain itself; it is made on first use."""

        def test(data: Any) -> bool:
            known = self._named.get(name)
            if known is None:
                known = self._named[name] = self.test(self._definitions[name])
            return known(data)

        return test

    def _tests(self, schema: Mapping[str, Any]) -> Iterator[Test]:
        if "type" in schema:
            yield IS_OF_TYPE[schema["type"]]
        if "const" in schema or "enum" in schema:
            choices = [schema["const"]] if "const" in schema else schema["enum"]
            yield lambda data: data in choices
        if schema.keys() & {"minLength", "maxLength", "pattern"}:
            yield _text(schema)
        if schema.keys() & {"minimum", "maximum"}:
            yield _number(schema)
        if schema.keys() & {"minItems", "maxItems", "items", "uniqueItems"}:
            yield self._list(schema)
        if schema.keys() & {"maxProperties", "propertyNames", "required"}:
            yield self._keys(schema)
        if schema.keys() & {"properties", "additionalProperties"}:
            yield self._fields(schema)
        for part in schema.get("allOf", ()):
            yield self.test(part)
        if "if" in schema:
            condition, consequence = self.test(schema["if"]), self.test(schema["then"])
            yield lambda data: not condition(data) or consequence(data)

    def _list(self, schema: Mapping[str, Any]) -> Test:
        low, high = schema.get("minItems", 0), schema.get("maxItems", float("inf"))
        item = self.test(schema.get("items", {}))
        unique = schema.get("uniqueItems", False)

        def test(data: Any) -> bool:
            return not isinstance(data, list) or (
                low <= len(data) <= high
                and all(map(item, data))
                and not (unique and _has_twins(data))
            )

        return test

    def _keys(self, schema: Mapping[str, Any]) -> Test:
        high = schema.get("maxProperties", float("inf"))
        required = frozenset(schema.get("required", ()))
        name = self.test(schema.get("propertyNames", {}))

        def test(data: Any) -> bool:
            return not isinstance(data, dict) or (
                len(data) <= high and required <= data.keys() and all(map(name, data))
            )

        return test

    def _fields(self, schema: Mapping[str, Any]) -> Test:
        rules: Mapping[str, Any] = schema.get("properties", {})
        more = functools.cache(lambda: self._rule(schema.get("additionalProperties", True)))
        fields: dict[str, Test] = {}

        def field(key: str) -> Test:
            """Return the test of a key's value; it is made when a file has the key."""
            if key not in rules:
                return more()
            fields[key] = self._rule(rules[key])
            return fields[key]

        def test(data: Any) -> bool:
            if isinstance(data, dict):
                for key, value in data.items():
                    if not (fields.get(key) or field(key))(value):
                        return False
            return True

        return test

    def _rule(self, rule: Any) -> Test:
        """Return the test of a schema that may also be `true` or `false`."""
        return self.test(rule) if isinstance(rule, Mapping) else lambda _: bool(rule)


def _all(tests: tuple[Test, ...]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def test(data: Any) -> bool:
        for one in tests:  # noqa: SIM110 - a generator for each value takes longer
            if not one(data):
                return False
        return True

    return test


def _text(schema: Mapping[str, Any]) -> Test:
    low, high = schema.get("minLength", 0), schema.get("maxLength", float("inf"))
    pattern = schema.get("pattern")

    def test(data: Any) -> bool:
        return not isinstance(data, str) or (
            low <= len(data) <= high
            and (pattern is None or compiled(pattern).search(data) is not None)
        )

    return test


def _number(schema: Mapping[str, Any]) -> Test:
    low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
    return lambda data: not isinstance(data, int | float) or low <= data <= high


def _has_twins(elements: Sequence[Any]) -> bool:
    texts = [element for element in elements if isinstance(element, str)]
    return len(set(texts)) < len(texts)
