"""JSON as two readers cannot understand it differently; I/O is not handled here."""

from __future__ import annotations

import json
import math
from typing import Any

_MAX_DIGITS = 100


class StrictJsonError(ValueError):
    """The text is not strict JSON; the message says why."""


def read_strictly(data: bytes) -> Any:
    """Decode JSON: UTF-8, no duplicate keys, no NaN, numbers of a size that can be shown.

    Raise StrictJsonError for anything else.
    """
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        if isinstance(error, StrictJsonError):
            raise
        raise StrictJsonError(f"it is not strict JSON: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise StrictJsonError("it has an object with a duplicate key")
    return found


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise StrictJsonError(f"it holds a number of {len(digits)} digits")
    return int(digits)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise StrictJsonError(f"it holds {text[:_MAX_DIGITS]}, which is beyond all numbers")
    return number


def _no_constant(name: str) -> Any:
    raise StrictJsonError(f"it holds {name}, which is not JSON")
