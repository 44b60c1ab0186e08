"""The history of spot prices to the price of `save`; I/O is not handled here.

AWS may start a job in any zone of the region, and takes the price of that zone. In each zone a price
holds until the next one; over the window the 95th percentile by time is taken, and of these the
highest one is the price of `save`, rounded up to a hundredth of a cent, at most the price on demand.
So a reservation made from it covers what is paid, but for a twentieth of the time in the dearest zone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from neurocaas_ci.hardware.answers import AnswerError, amount, microdollars_up, text
from neurocaas_ci.hardware.interface import Answer
from neurocaas_ci.model.money import Microdollars

DAYS = 30
"""How far back is looked; AWS keeps ninety days."""

PRODUCTS = ("Linux/UNIX", "Linux/UNIX (Amazon VPC)")
"""Two names of one thing, since there is no other network than a VPC any more."""

_USUAL, _HIGH = Decimal("0.50"), Decimal("0.95")
_STEP = 100


class Zone(NamedTuple):
    """Spot prices of a zone over the window, in US dollars per hour."""

    name: str
    p50: Decimal
    p95: Decimal


def zones(rows: Sequence[Answer], start: datetime, end: datetime) -> tuple[Zone, ...]:
    """Return the prices of each zone, by name; raise AnswerError for rows that cannot be read.

    A price from before the window counts from its beginning.
    """
    points: dict[str, dict[datetime, Decimal]] = defaultdict(dict)
    for row in rows:
        if row.get("ProductDescription") not in PRODUCTS:
            continue
        zone = text(row.get("AvailabilityZone"), "`AvailabilityZone`")
        moment = _moment(row.get("Timestamp"))
        if moment < end:
            price = amount(row.get("SpotPrice"), f"the spot price in {zone}")
            # Two prices of one moment: which one held is unknown, so the higher one.
            points[zone][moment] = max(price, points[zone].get(moment, price))
    return tuple(_zone(name, points[name], start, end) for name in sorted(points))


def save_price(found: Sequence[Zone], standard: Microdollars) -> Microdollars | None:
    """Return the price of `save`, or None where no zone offers the type as spot."""
    if not found:
        return None
    highest = max(zone.p95 for zone in found)
    return min(microdollars_up(highest, _STEP), standard)


def _zone(name: str, points: dict[datetime, Decimal], start: datetime, end: datetime) -> Zone:
    ordered = sorted(points.items())
    ends = [moment for moment, _ in ordered[1:]] + [end]
    held: dict[Decimal, float] = defaultdict(float)
    for (moment, price), until in zip(ordered, ends, strict=True):
        held[price] += max((until - max(moment, start)).total_seconds(), 0.0)
    if not sum(held.values()):
        # Everything lies before the window: the newest one still holds.
        held = {ordered[-1][1]: 1.0}
    return Zone(name, _quantile(held, _USUAL), _quantile(held, _HIGH))


def _quantile(held: dict[Decimal, float], part: Decimal) -> Decimal:
    """Return the lowest price that was not exceeded for at least that part of the time."""
    target = float(part) * sum(held.values())
    passed = 0.0
    for price in sorted(held):
        passed += held[price]
        if passed >= target:
            return price
    return max(held)


def _moment(value: object) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime):
        raise AnswerError("`Timestamp` is no time")
    return value if value.tzinfo else value.replace(tzinfo=UTC)
