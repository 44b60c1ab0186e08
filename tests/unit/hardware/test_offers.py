"""Rows of the price list become a price, or say what is wrong with them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from price_rows import documented, fargate_rows, instance_row

from neurocaas_ci.errors import NeurocaasError, UsageError
from neurocaas_ci.hardware.answers import AnswerError
from neurocaas_ci.hardware.offers import fargate_rates, instance_rate
from neurocaas_ci.hardware.offers import fargate_rows as chosen

REGION, NAME = "us-east-1", "m5.16xlarge"


def _price(*rows):
    return instance_rate(rows, REGION, NAME)


def test_a_price_of_the_list_is_exact() -> None:
    assert _price(instance_row(NAME, "3.0720000000", "ABC")) == ("ABC", Decimal("3.072"))


def test_other_rows_do_not_count() -> None:
    others = [
        instance_row(NAME, "9", "A", tenancy="Dedicated"),
        instance_row(NAME, "9", "B", operatingSystem="Windows"),
        instance_row(NAME, "9", "C", preInstalledSw="SQL Std"),
        instance_row(NAME, "0.0000000000", "D", capacitystatus="AllocatedCapacityReservation"),
        instance_row(NAME, "3.0720000000", "E", capacitystatus="UnusedCapacityReservation"),
        instance_row(NAME, "9", "F", region="eu-west-1"),
        instance_row("m5.large", "9", "G"),
        instance_row(NAME, "9", "H", marketoption="CapacityBlock"),
        documented(),
    ]
    assert _price(*others, instance_row(NAME, "3.0720000000", "X")).sku == "X"
    with pytest.raises(UsageError, match="no on-demand price for it in us-east-1"):
        _price(*others)


def test_the_same_row_twice_is_one() -> None:
    again = instance_row(NAME, "3.0720000000")
    assert _price(again, again).usd == Decimal("3.072")


def test_two_prices_are_none() -> None:
    rows = instance_row(NAME, "3.0720000000", "A"), instance_row(NAME, "3.5000000000", "B")
    with pytest.raises(AnswerError, match=r"2 prices, where one is expected: A 3.072, B 3.5"):
        _price(*rows)


@pytest.mark.parametrize(
    ("usd", "says"),
    [
        ("0.0000000000", "0 US dollars"),
        ("-1", "cannot be '-1'"),
        ("NaN", "cannot be 'NaN'"),
        ("Infinity", "cannot be 'Infinity'"),
        ("1e9", "cannot be '1e9'"),
        ("three", "no number: 'three'"),
        (3.072, "no text"),
        (None, "no text"),
    ],
)
def test_what_is_no_price(usd, says) -> None:
    with pytest.raises(AnswerError, match=says):
        _price(instance_row(NAME, usd))


def test_another_currency() -> None:
    row = instance_row(NAME, "3.0720000000")
    (term,) = row["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    dimension["pricePerUnit"] = {"CNY": "20.0000000000"}
    with pytest.raises(AnswerError, match=r"no price in US dollars \(but in CNY\)"):
        _price(row)


def test_the_documented_sample_is_sold_per_month() -> None:
    """Only its attributes are changed: all the rest is what AWS shows."""
    row = documented()
    row["product"]["attributes"] = instance_row(NAME, "1")["product"]["attributes"]
    with pytest.raises(AnswerError, match="sold per 'GB-Mo', not per hour"):
        _price(row)


@pytest.mark.parametrize("part", ["terms", "dimensions"])
def test_several_terms_are_no_one_price(part) -> None:
    row = instance_row(NAME, "3.0720000000")
    offers = row["terms"]["OnDemand"]
    (term,) = offers.values()
    if part == "terms":
        offers["another"] = term
    else:
        term["priceDimensions"]["another"] = {}
    with pytest.raises(AnswerError, match="there are 2"):
        _price(row)


def test_fargate_is_sold_in_two_parts() -> None:
    cpu, memory = fargate_rates(*chosen(fargate_rows(), REGION))
    assert (cpu.usd, memory.usd) == (Decimal("0.04048"), Decimal("0.004445"))
    # Only us-east-1 begins with a code in some lists, and with none in others.
    bare = fargate_rows()
    for row in bare:
        row["product"]["attributes"]["usagetype"] = row["product"]["attributes"][
            "usagetype"
        ].removeprefix("USE1-")
    assert fargate_rates(*chosen(bare, REGION))[0].usd == Decimal("0.04048")
    with pytest.raises(UsageError, match="no price of Fargate vCPUs in eu-west-1"):
        chosen(fargate_rows(), "eu-west-1")
    with pytest.raises(UsageError, match="no price of Fargate memory"):
        chosen(fargate_rows()[:2], REGION)
    twice = chosen([*fargate_rows(), *fargate_rows(cpu="0.05")], REGION)
    twice[0][1]["product"]["sku"] = "OTHER"
    with pytest.raises(AnswerError, match="2 prices of Fargate vCPUs"):
        fargate_rates(*twice)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def _places(value, at=()):
    yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _places(inner, (*at, key))


@given(st.data(), _JSON)
def test_whatever_stands_somewhere_gives_the_price_or_one_of_our_errors(data, junk) -> None:
    row = instance_row(NAME, "3.0720000000")
    place = data.draw(st.sampled_from(list(_places(row))))
    if place:
        inner = row
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = junk
    else:
        row = junk
    try:
        found = _price(row)
    except NeurocaasError:
        return
    assert found.usd > 0
