"""What is decided at a glance is what the whole question gives."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from neurocaas_ci.model.money import dollars, microdollars
from neurocaas_ci.registry import decode, scalars
from neurocaas_ci.run.sandbox import logs

_TEXTS = st.text(alphabet="0123456789._:+-eExob aAyn\u0661", max_size=12)


@given(_TEXTS)
@example("1:30")
@example("1_000")
@example("1.0.0")
@example("2026-11-01")
def test_a_number_that_readers_agree_about(text: str) -> None:
    asked = bool(text) and (text[0] in scalars._NUMBERS or text[0] in scalars._SWITCHES)
    whole = (
        asked
        and text.isascii()
        and bool(scalars._AMBIGUOUS.fullmatch(text))
        and text.strip("+-") != "0"
    )
    assert scalars.is_ambiguous(text) is whole


@given(st.text(max_size=30))
@example("a\u202eb")
@example("tab\there")
@example("\ue000")
def test_a_log_line_that_is_shown_as_it_is(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    clean = raw.decode("utf-8", "backslashreplace")
    assert logs.printable(raw) == logs._UNSAFE.sub(logs._escape, clean)


@given(st.text(st.characters(codec="utf-8"), max_size=30))
@example("\ufffe")
@example("a\n\u2066b")
@example("\x85")
def test_text_of_a_file_that_holds_nothing_forbidden(text: str) -> None:
    found = decode.decode("a.yaml", text.encode(), [])
    plain = text.removeprefix("\ufeff")
    assert found == (None if decode._FORBIDDEN.search(plain) else plain)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
@example(0.0)
@example(5e-07)
@example(4.9e-07)
@example(1e16)
@example(-2.5e-06)
@example(-0.0000025)
def test_microdollars_are_the_nearest_and_those_farther_from_zero_of_two(usd: float) -> None:
    exact = Fraction(repr(usd)) * 1_000_000
    found = microdollars(usd)
    assert abs(found - exact) <= Fraction(1, 2)
    if abs(found - exact) == Fraction(1, 2):
        assert abs(found) > abs(exact)


@given(st.integers(-(10**15), 10**15))
def test_dollars_are_those_of_decimal_numbers(amount: int) -> None:
    assert dollars(amount) == float(Decimal(amount) / 1_000_000)
    assert microdollars(amount) == amount * 1_000_000
