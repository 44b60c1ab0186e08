"""The history of spot prices becomes the price of `save`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocaas_ci.hardware.answers import AnswerError
from neurocaas_ci.hardware.spot import save_price, zones
from neurocaas_ci.model.money import microdollars

END = datetime(2026, 11, 29, tzinfo=UTC)
START = END - timedelta(days=30)


def _row(zone, days, price, product="Linux/UNIX"):
    return {
        "AvailabilityZone": zone, "InstanceType": "m5.large", "ProductDescription": product,
        "SpotPrice": price, "Timestamp": START + timedelta(days=days),
    }  # fmt: skip


def test_prices_count_by_how_long_they_held() -> None:
    rows = [
        # Before the window, and until its tenth day.
        _row("a", -5, "0.030000"),
        _row("a", 10, "0.040000"),
        # One day of thirty: less than a twentieth.
        _row("a", 29, "0.900000"),
        _row("b", 0, "0.031000"),
        # Two days: more than that.
        _row("b", 28, "0.050010"),
    ]
    found = zones(rows, START, END)
    assert found == (
        ("a", Decimal("0.04"), Decimal("0.04")),
        ("b", Decimal("0.031"), Decimal("0.05001")),
    )
    # The highest zone, rounded up to a hundredth of a cent.
    assert save_price(found, microdollars(0.096)) == microdollars(0.0501)


def test_what_does_not_count() -> None:
    rows = [_row("a", 31, "5"), _row("a", 1, "5", "Windows"), _row("a", 1, "0.05")]
    assert zones(rows, START, END) == (("a", Decimal("0.05"), Decimal("0.05")),)
    assert zones([], START, END) == ()
    assert save_price((), microdollars(1)) is None


def test_save_never_costs_more_than_standard() -> None:
    found = zones([_row("a", 0, "7.000000")], START, END)
    assert save_price(found, microdollars(0.096)) == microdollars(0.096)


def test_a_price_that_only_held_before_the_window_still_holds() -> None:
    assert zones([_row("a", -80, "0.02")], START, END)[0].p95 == Decimal("0.02")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"SpotPrice": "0.000000"}, "is 0 US dollars"),
        ({"SpotPrice": None}, "no text"),
        ({"Timestamp": "yesterday"}, "no time"),
        ({"Timestamp": None}, "no time"),
        ({"AvailabilityZone": 1}, "no text"),
    ],
)
def test_rows_that_cannot_be_read(change, says) -> None:
    with pytest.raises(AnswerError, match=says):
        zones([{**_row("a", 0, "0.1"), **change}], START, END)


_POINTS = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.floats(-10, 29.9), st.decimals("0.0001", 2, places=4)
    ),
    min_size=1,
    max_size=20,
)  # fmt: skip


@given(_POINTS, st.randoms())
def test_laws(points, random) -> None:
    rows = [_row(zone, days, str(price)) for zone, days, price in points]
    found = zones(rows, START, END)
    every = [price for _, _, price in points]
    for zone in found:
        assert min(every) <= zone.p50 <= zone.p95 <= max(every)
    random.shuffle(rows)
    assert zones(rows, START, END) == found
    save = save_price(found, microdollars(100))
    assert save is not None
    assert all(save >= zone.p95 * 1_000_000 for zone in found)
