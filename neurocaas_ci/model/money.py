"""Money as whole microdollars, so that sums are exact in any order; I/O is not handled here."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import NewType

Microdollars = NewType("Microdollars", int)

ZERO = Microdollars(0)
_UNIT = 1_000_000
_HOUR = 3_600


def microdollars(usd: float) -> Microdollars:
    """Return US dollars in millionths, the nearest one; a float counts as what it is printed as."""
    exact = Decimal(repr(usd)) * _UNIT
    return Microdollars(int(exact.to_integral_value(ROUND_HALF_UP)))


def dollars(amount: int) -> float:
    """Return microdollars as US dollars, as a JSON number shows them."""
    return amount / _UNIT


def bound(price: Microdollars, seconds: int, runs: int) -> Microdollars:
    """Return the most that runs of `seconds` each cost at a price per hour, rounded up."""
    return Microdollars(-(-price * seconds * runs // _HOUR))


def show(amount: int) -> str:
    """Return an amount for people: cents, and further digits only where they are not zero."""
    sign = "-" if amount < 0 else ""
    whole, part = divmod(abs(amount), _UNIT)
    digits = f"{part:06d}"
    return f"{sign}{whole}.{digits[:2]}{digits[2:].rstrip('0')} USD"


def enough(amount: int) -> str:
    """Return an amount that covers this one in whole cents, as a number of US dollars for a file."""
    whole, cents = divmod(-(-amount * 100 // _UNIT), 100)
    return f"{whole}.{cents:02d}"
