"""How far apart two arrays may be; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, Self


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Accept ||actual - expected|| <= atol + rtol ||expected||, one norm per array.

    `bitwise` asks for equal bits instead: signed zeros and the payload of NaN count.
    """

    rtol: Fraction = Fraction(0)
    atol: Fraction = Fraction(0)
    norm: Literal["l2", "max"] = "l2"
    bitwise: bool = False

    @classmethod
    def of(cls, rule: Mapping[str, Any]) -> Self:
        """Return the tolerance of a `compare` entry; what it leaves out is 0 and `l2`."""
        return cls(
            Fraction(rule.get("rtol", 0)), Fraction(rule.get("atol", 0)), rule.get("norm", "l2")
        )

    @property
    def zero(self) -> bool:
        """Whether values have to be equal."""
        return self.bitwise or not (self.rtol or self.atol)


EXACT = Tolerance(bitwise=True)
