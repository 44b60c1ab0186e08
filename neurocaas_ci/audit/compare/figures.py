"""Put the distance of two arrays into words and into JSON; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from neurocaas_ci.audit.compare.measure import Distance, Spot
from neurocaas_ci.audit.compare.result import Part, number, plain, plural
from neurocaas_ci.audit.compare.tolerance import Tolerance

_NORMS = {"l2": "l2 norm", "max": "largest element"}


def judged(distance: Distance, tolerance: Tolerance) -> Part:
    """Return the part for an array whose shape and type agree."""
    facts = _facts(distance, tolerance)
    if distance.within:
        said = "has equal values"
        if distance.differing:
            said = f"{_norm(distance, tolerance)} of {_short(distance.allowed)} allowed"
        return Part("equivalent", said, (), facts, distance.used)
    return Part("different", _summary(distance, tolerance), _lines(distance), facts)


def _summary(distance: Distance, tolerance: Tolerance) -> str:
    count = f"{distance.differing:,} of {plural(distance.elements, 'element')}"
    text = f"{count} {'differs' if distance.differing == 1 else 'differ'}"
    if distance.difference is None:
        return text
    if not distance.difference:
        return f"{text} in bits, not in value" if not distance.clashing else text
    if tolerance.zero:
        return f"{text}; {_norm(distance, tolerance)}"
    terms = f"{_short(tolerance.atol)} + {_short(tolerance.rtol)} x {_short(distance.size)}"
    return f"{text}; {_norm(distance, tolerance)}, allowed {_short(distance.allowed)} = {terms}"


def _norm(distance: Distance, tolerance: Tolerance) -> str:
    return f"{_NORMS[tolerance.norm]} of the difference {_short(distance.difference)}"


def _lines(distance: Distance) -> tuple[str, ...]:
    lines = []
    if distance.first is not None and distance.elements == 1:
        return (_values(distance.first),)
    if distance.first is not None:
        lines.append(f"first {_at(distance.first)}")
    if distance.largest is not None and distance.largest_at is not None:
        spot = distance.largest_at
        rest = "" if spot == distance.first else f" {_at(spot)}"
        lines.append(
            f"largest difference {_short(distance.largest)}{rest or ', at the same place'}"
        )
    if distance.first_clash is not None:
        spot = distance.first_clash
        rest = "" if spot == distance.first else f", first {_at(spot)}"
        count = plural(distance.clashing, "element")
        lines.append(f"{count} that no tolerance covers (NaN, infinite, missing){rest}")
    return tuple(lines)


def _at(spot: Spot) -> str:
    index = ", ".join(str(i) for i in spot.index)
    named = len(spot.index) == 1 and isinstance(spot.index[0], str)
    place = plain(index, 60) if named else f"[{plain(index, 60)}]"
    return f"at {place}: {_values(spot)}"


def _values(spot: Spot) -> str:
    return f"expected {plain(spot.expected, 60)}, got {plain(spot.actual, 60)}"


def _facts(distance: Distance, tolerance: Tolerance) -> Mapping[str, Any]:
    facts: dict[str, Any] = {"elements": distance.elements, "differing": distance.differing}
    if distance.difference is not None and distance.size is not None:
        facts |= {
            "difference": number(distance.difference),
            "norm_of_original": number(distance.size),
        }
        if not tolerance.zero:
            facts |= {"norm": tolerance.norm, "allowed": number(distance.allowed)}
    if distance.clashing:
        facts["clashing"] = distance.clashing
    if distance.largest is not None:
        facts["largest"] = number(distance.largest)
    for name, spot in (("first", distance.first), ("largest_at", distance.largest_at)):
        if spot is not None:
            facts[name] = {
                "index": [plain(i, 60) if isinstance(i, str) else i for i in spot.index],
                "expected": plain(spot.expected, 60),
                "actual": plain(spot.actual, 60),
            }
    return facts


def _short(value: Fraction | None) -> str:
    """Return a number with three digits that count, beyond the range of 64-bit numbers as well."""
    exact = value or Fraction(0)
    near = number(exact)
    if isinstance(near, float) and (near or not exact):
        return f"{near:.3g}"
    return f"{Decimal(exact.numerator) / exact.denominator:.3g}".lower()
