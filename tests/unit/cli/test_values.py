"""Values are read and written as the registry reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocaas_ci.cli.values import dump, parameter_value, scalar
from neurocaas_ci.errors import UsageError
from neurocaas_ci.registry.parse import parse

SURPRISES = ["no", "yes", "on", "1e3", "0x1F", "0o17", "017", "1:30", "1_000", "null", "~", "",
             "true", ".inf", ".nan", "9" * 30, "2026-11-01", "a: b", "- x", "#x", "'", "é", "=", "<<"]  # fmt: skip

texts = st.sampled_from(SURPRISES) | st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn")), max_size=30
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | texts
    | st.floats(-1e12, 1e12, allow_nan=False),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True), values, max_size=4))
def test_what_is_written_is_what_the_registry_reads(parameters):
    document, findings = parse("job.yaml", dump({"parameters": parameters}))
    assert findings == ()
    assert document.data == {"parameters": parameters}


@pytest.mark.parametrize("text", SURPRISES)
def test_an_alias_free_document_of_surprises(text):
    shared = [text, text]
    data = dump({"a": shared, "b": shared})
    assert b"&" not in data
    document, findings = parse("job.yaml", data)
    assert (document.data, findings) == ({"a": shared, "b": shared}, ())


@pytest.mark.parametrize("text", ["ada", "no", "007", "1e3", "true", "null"])
def test_scalars_stand_in_a_list(text):
    document, findings = parse("x.yaml", f"logins: [{scalar(text)}]\n".encode())
    assert (document.data, findings) == ({"logins": [text]}, ())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("50", 50),
        ("1e3", 1000.0),
        ("-0.5", -0.5),
        ("true", True),
        ("text", "text"),
        ('"50"', "50"),
        ("[1, 2]", [1, 2]),
        ("{a: 1}", {"a": 1}),
        ("2026-11-01", "2026-11-01"),
        ("", None),
        ("null", None),
    ],
)
def test_parameters_are_read_as_the_registry_reads_them(text, value):
    read = parameter_value("k", text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    "text", ["[", "{a", '"x', "no", "1:30", ".nan", "a: b: c", "\x00", "&a [*a]", "!!python/none x",
             "bad\udcffbyte", "--- 1\n--- 2"],
)  # fmt: skip
def test_what_is_not_clear_is_refused(text):
    with pytest.raises(UsageError, match="parameter speed") as caught:
        parameter_value("speed", text)
    assert caught.value.hint
    assert "\x00" not in str(caught.value)
