"""What is accepted without the JSON Schema library, the library accepts: the schema and the values."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from neurocaas_ci.validate.parameters import schema_problems, value_problems
from neurocaas_ci.validate.plain import accepts

_NAMES = st.sampled_from(["a", "b", "c"])
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from([0.5, 1.0, 2.0, -1.5]),
    st.text("xy", max_size=4),
)
_KEYWORDS = {
    "type": st.one_of(
        st.sampled_from(["integer", "number", "string", "boolean", "array", "null", "oddity"]),
        st.just(["integer", "string"]),
    ),
    "minimum": _SCALARS,
    "maximum": _SCALARS,
    "exclusiveMinimum": _SCALARS,
    "exclusiveMaximum": _SCALARS,
    "multipleOf": st.integers(0, 3),
    "minLength": _SCALARS,
    "maxLength": _SCALARS,
    "enum": st.one_of(st.lists(_SCALARS, max_size=4), _SCALARS),
    "pattern": st.sampled_from(["^x*$", "(x+)+$", "["]),
    "description": _SCALARS,
    "default": _SCALARS,
    "$ref": st.just("#"),
}
_RULES = st.fixed_dictionaries({}, optional=_KEYWORDS)
_SOUND = st.one_of(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={"minimum": st.integers(-5, 5), "maximum": st.sampled_from([1, 2.5, 4])},
    ),
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"maxLength": st.integers(0, 4), "enum": st.lists(_SCALARS, max_size=4)},
    ),
    st.just({"type": "boolean"}),
)
_SCHEMAS = st.fixed_dictionaries(
    {"type": st.sampled_from(["object", "object", "object", "array"])},
    optional={
        "properties": st.one_of(
            st.dictionaries(_NAMES, _SOUND), st.dictionaries(_NAMES, st.one_of(_SOUND, _RULES))
        ),
        "required": st.one_of(st.lists(_NAMES, max_size=3), st.lists(_SCALARS, max_size=2)),
        "additionalProperties": st.one_of(st.just(False), st.booleans(), st.just({})),
        "maxProperties": st.integers(0, 2),
        "description": _SCALARS,
    },
)
_VALUES = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), _SCALARS, max_size=4)


@given(schema=_SCHEMAS, values=_VALUES)
def test_what_is_plainly_accepted_the_library_accepts(
    schema: dict[str, Any], values: dict[str, Any]
) -> None:
    if accepts(schema, values):
        assert schema_problems(schema) == []
        assert value_problems(schema, values) == []


@given(
    rules=st.dictionaries(_NAMES, _SOUND),
    values=_VALUES,
)
def test_for_plain_schemas_the_two_agree(rules: dict[str, Any], values: dict[str, Any]) -> None:
    schema = {"type": "object", "additionalProperties": False, "properties": rules}
    # Draft-07 calls 2.0 a whole number; such values are left to the library.
    if not any(isinstance(value, float) for value in values.values()):
        assert accepts(schema, values) == (value_problems(schema, values) == [])
