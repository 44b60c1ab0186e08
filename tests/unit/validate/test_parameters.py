from __future__ import annotations

import re
import time
from typing import Any

import pytest

from neurocaas_ci.validate.parameters import default_problems, schema_problems, value_problems
from neurocaas_ci.validate.patterns import MAX_TEXT, objection


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|a)*$",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(.*)*",
        "(a{1,90}){1,90}b",
        r"(a)\1",
        "(?P<x>a)(?P=x)",
        "a*a*a*b",
        "a{1,}a{0,300}a+b",
        "(",
        "a{99999999999999999999}",
        "x" * 501,
        "[",
        "(?:ab)*",
        "(a)?(b){3}",
    ],
)
def test_patterns_that_can_take_for_ever_are_refused(pattern: str) -> None:
    assert objection(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "^[a-z]+$",
        r"^\d{4}-\d{2}$",
        "^[a-z]+-[0-9]+$",
        "a|b|c",
        "^[(a+)+]+$",
        r"\(a+\)+",
        "^(a|b){0,1}$",
        "^[]+*]{1,9}$",
    ],
)
def test_ordinary_patterns_are_accepted(pattern: str) -> None:
    assert objection(pattern) is None


@pytest.mark.parametrize(
    "pattern", ["[a]+[a]+b", "a*a*$", "[^b]*[^b]*b", "a{0,50}a{0,50}a{0,50}b", ".*.*x"]
)
def test_what_is_accepted_is_fast_on_the_longest_text(pattern: str) -> None:
    assert objection(pattern) is None
    start = time.process_time()
    re.search(pattern, "a" * MAX_TEXT)
    assert time.process_time() - start < 2


def _schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _says(schema: dict[str, Any], values: Any) -> list[tuple[tuple[str | int, ...], str, str]]:
    return [(p.pointer, p.message, p.fix) for p in value_problems(schema, values)]


def test_values_are_explained_in_plain_words() -> None:
    schema = _schema(
        rounds={"type": "integer", "minimum": 1, "description": "Number of rounds"},
        mode={"enum": ["fast", "slow"]},
        inner=_schema(x={"type": ["number", "null"]}),
        tags={"type": "array", "items": {"type": "string", "maxLength": 3}, "uniqueItems": True},
    )
    assert _says(schema, {"rounds": 0}) == [
        (
            ("rounds",),
            "`rounds` is 0, but must be at least 1",
            "correct the value (Number of rounds)",
        )
    ]
    assert _says(schema, {"mode": "fsat"}) == [
        (("mode",), '`mode` is "fsat", but must be one of "fast", "slow"', "did you mean `fast`?")
    ]
    assert _says(schema, {"inner": {"x": "1", "y": 2}}) == [
        (("inner", "y"), "there is no parameter `y`", "known: x"),
        (("inner", "x"), '`inner.x` is "1", but must be a number or empty', "correct the value"),
    ]
    assert [p for p, _, _ in _says(schema, {"tags": ["a", "abcd", "a"]})] == [
        ("tags", 1),
        ("tags",),
    ]
    assert _says({**schema, "required": ["mode"]}, {}) == [
        ((), "it has no value for `mode`", "add it")
    ]


def test_keys_by_pattern_are_parameters_too() -> None:
    schema = {**_schema(a={}), "patternProperties": {"^x[0-9]$": {"type": "integer"}}}
    assert _says(schema, {"a": 1, "x1": 2}) == []
    assert [m for _, m, _ in _says(schema, {"x1": "t", "x": 1})] == [
        "there is no parameter `x`",
        '`x1` is "t", but must be a whole number',
    ]


@pytest.mark.parametrize(
    ("schema", "where", "says"),
    [
        ({"type": "array"}, (), "not of type object"),
        ({"type": "object", "properties": []}, ("properties",), "is not JSON Schema"),
        ({"type": "object", "required": "x"}, ("required",), "is not JSON Schema"),
        (_schema(a={"minimum": "1"}), ("properties", "a", "minimum"), "is not JSON Schema"),
        (_schema(a={"$ref": "#"}), ("properties", "a", "$ref"), "not supported"),
        (
            _schema(a={"$ref": "https://example.org/x"}),
            ("properties", "a", "$ref"),
            "not supported",
        ),
        (_schema(a={"pattern": "(a+)+"}), ("properties", "a", "pattern"), "not accepted"),
        (
            {"type": "object", "patternProperties": {"(a+)+": {}}},
            ("patternProperties",),
            "not accepted",
        ),
        (
            {"type": "object", "not": {"anyOf": [{"pattern": "(a*)*"}]}},
            ("not", "anyOf", 0, "pattern"),
            "not accepted",
        ),
        (_schema(**{f"p{i}": {"type": "integer"} for i in range(2000)}), (), "more than 2000"),
    ],
)
def test_unsound_schemas_are_explained(
    schema: dict[str, Any], where: tuple[str | int, ...], says: str
) -> None:
    problems = schema_problems(schema)
    assert [p.pointer for p in problems] == [where]
    assert says in problems[0].message


def test_words_that_are_only_names_or_values_are_no_danger() -> None:
    schema = _schema(
        pattern={"default": {"$ref": "x", "pattern": "(a+)+"}}, **{"$ref": {"type": "string"}}
    )
    assert schema_problems(schema) == []


def test_defaults_are_held_to_their_rule_at_every_level() -> None:
    schema = _schema(
        a={"type": "integer", "default": "x"},
        b=_schema(c={"maximum": 1, "default": 2}),
        d={"default": 0},
    )
    assert [p.pointer for p in default_problems(schema)] == [
        ("properties", "a", "default"),
        ("properties", "b", "properties", "c", "default"),
    ]


def test_judging_is_bounded_whatever_is_given() -> None:
    assert "more than 1000" in _says(_schema(), {"a": list(range(2000))})[0][1]
    many = {
        "type": "object",
        "anyOf": [{"required": [f"k{i}"]} for i in range(400)],
        "additionalProperties": {"anyOf": [{"const": i} for i in range(300)]},
    }
    assert schema_problems(many) == []
    start = time.process_time()
    assert value_problems(many, {f"x{i}": "v" for i in range(900)})
    assert time.process_time() - start < 30


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr("socket.socket.connect", forbidden)
    reference = "http://127.0.0.1:9/schema.json"
    assert "not supported" in schema_problems(_schema(a={"$ref": reference}))[0].message
    with pytest.raises(Exception, match="Unresolvable"):
        value_problems(_schema(a={"$ref": reference}), {"a": 1})
