from __future__ import annotations

import pytest

from neurocaas_ci.registry.scalars import NotFiniteError, is_ambiguous, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-12", -12),
        ("+5", 5),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("-1e-8", -1e-8),
        ("1e5", 1e5),
        # Text in YAML 1.2, whatever YAML 1.1 made of it.
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("2026-11-01", "2026-11-01"),
        ("1.0.0", "1.0.0"),
        ("-", "-"),
        ("+", "+"),
        (".", "."),
        ("e5", "e5"),
        ("0x", "0x"),
        ("١٢", "١٢"),
        ("truE", "truE"),
    ],
)
def test_plain_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    result = resolve(text)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    "text",
    [".nan", ".NaN", ".inf", "-.Inf", "+.INF", "1e999", "9" * 19, "0x" + "f" * 40, "9" * 5000],
)
def test_numbers_that_not_every_reader_can_hold_are_refused(text: str) -> None:
    with pytest.raises(NotFiniteError):
        resolve(text)


@pytest.mark.parametrize(
    "text", ["no", "No", "YES", "on", "Off", "1:30", "190:20:30", "0777", "1_000", "0b1"]
)
def test_what_yaml_1_1_reads_differently_is_ambiguous(text: str) -> None:
    assert is_ambiguous(text)


@pytest.mark.parametrize(
    "text",
    [
        "y",
        "N",
        "0",
        "-0",
        "0.5",
        "10",
        "1.0.0",
        "2026-11-01",
        "none",
        "yesterday",
        "",
        "a:b",
        "1h30m",
        "-",
    ],
)
def test_ordinary_text_is_not_ambiguous(text: str) -> None:
    assert not is_ambiguous(text)
