"""Rows of the AWS price list to a price per hour; I/O is not handled here.

The shape of a row is that of `GetProducts` ("AWS Price List Query API" in the AWS Billing guide):
`product.attributes` says what is sold, `terms.OnDemand` one offer with one price dimension.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from neurocaas_ci.errors import UsageError
from neurocaas_ci.hardware.answers import AnswerError, amount, mapping, only, text
from neurocaas_ci.hardware.interface import Answer

EC2, ECS = "AmazonEC2", "AmazonECS"
"""Service codes of instances, and of Fargate, which is sold as a part of ECS."""

_CPU = re.compile(r"(?:[A-Z0-9]+-)?Fargate-vCPU-Hours(?::perCPU)?")
_MEMORY = re.compile(r"(?:[A-Z0-9]+-)?Fargate-GB-Hours(?::perGB)?")


class Rate(NamedTuple):
    """A price in US dollars per hour of something, and the row that says it (stock keeping unit)."""

    sku: str
    usd: Decimal


def instance_filters(region: str, name: str) -> dict[str, str]:
    """Return what a row has to say to be the plain price of an instance type.

    On demand, Linux, shared tenancy, no software on top, and used (not a reservation that idles).
    """
    return {
        "regionCode": region,
        "instanceType": name,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
    }


def fargate_filters(region: str) -> dict[str, str]:
    """Return what the rows of Fargate have in common; their usage types begin with a region's own code."""
    return {"regionCode": region}


def instance_rate(rows: Sequence[Answer], region: str, name: str) -> Rate:
    """Return the price of an instance type.

    Raise UsageError when the region does not sell it, AnswerError when the rows give no one price.
    """
    # What AWS filters by is checked once more: a filter that it does not know would let all through.
    wanted = instance_filters(region, name)
    found = [row for row in rows if _has(row, wanted)]
    if not found:
        raise UsageError(
            f"the price list has no on-demand price for it in {region}",
            hint="is the type retired, or not offered in this region? --region names another one",
        )
    return _one(found, "prices")


def fargate_rows(rows: Sequence[Answer], region: str) -> tuple[list[Answer], list[Answer]]:
    """Return the rows of vCPUs and those of memory (Linux, x86-64) among all of ECS.

    Raise UsageError when a region has none.
    """
    found = [row for row in rows if _has(row, fargate_filters(region))]
    cpu = [row for row in found if _CPU.fullmatch(_usage(row))]
    memory = [row for row in found if _MEMORY.fullmatch(_usage(row))]
    if not cpu or not memory:
        raise UsageError(
            f"the price list has no price of Fargate {'memory' if cpu else 'vCPUs'} in {region}",
            hint="--region names another region",
        )
    return cpu, memory


def fargate_rates(cpu: Sequence[Answer], memory: Sequence[Answer]) -> tuple[Rate, Rate]:
    """Return the prices of an hour of one vCPU and of one GiB; raise AnswerError for several."""
    return _one(cpu, "prices of Fargate vCPUs"), _one(memory, "prices of Fargate memory")


def _one(rows: Sequence[Answer], what: str) -> Rate:
    """Return the one price that rows give; the same row may come twice when pages overlap."""
    rates = {rate.sku: rate for rate in map(_rate, rows)}
    if len(rates) > 1:
        shown = ", ".join(f"{r.sku} {r.usd.normalize():f}" for r in _sorted(rates.values()))
        raise AnswerError(f"there are {len(rates)} {what}, where one is expected: {shown}")
    return next(iter(rates.values()))


def _sorted(rates: Iterable[Rate]) -> list[Rate]:
    return sorted(rates)[:5]


def _rate(row: Answer) -> Rate:
    sku = text(_product(row).get("sku"), "`product.sku`")
    terms = mapping(mapping(row.get("terms"), "`terms`").get("OnDemand"), f"`OnDemand` of {sku}")
    term = mapping(only(terms, f"on-demand terms of {sku}"), f"the term of {sku}")
    dimensions = mapping(term.get("priceDimensions"), f"`priceDimensions` of {sku}")
    dimension = mapping(only(dimensions, f"price dimensions of {sku}"), f"the price of {sku}")
    unit = text(dimension.get("unit"), f"the unit of {sku}")
    if unit.lower() not in {"hrs", "hours", "vcpu-hours", "gb-hours"}:
        raise AnswerError(f"{sku} is sold per {unit[:40]!r}, not per hour")
    prices = mapping(dimension.get("pricePerUnit"), f"`pricePerUnit` of {sku}")
    if "USD" not in prices:
        raise AnswerError(
            f"{sku} has no price in US dollars (but in {', '.join(map(str, prices)) or 'nothing'})",
            hint="hardware files hold US dollars; regions in China are sold in another currency",
        )
    return Rate(sku, amount(prices["USD"], f"the price of {sku}"))


def _has(row: Answer, wanted: Mapping[str, str]) -> bool:
    attributes = _attributes(row)
    return all(attributes.get(key) == value for key, value in wanted.items())


def _usage(row: Answer) -> str:
    usage = _attributes(row).get("usagetype")
    return usage if isinstance(usage, str) else ""


def _attributes(row: Answer) -> Mapping[str, Any]:
    return mapping(_product(row).get("attributes"), "`product.attributes`")


def _product(row: Answer) -> Mapping[str, Any]:
    return mapping(mapping(row, "a row of the price list").get("product"), "`product`")
