"""Read the property to be explained from JSON, and say in one sentence why it cannot be used."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from epi.flow import Array
from epi.oscillator import PARAMETERS, STATISTICS
from epi.property import Property
from epi.refusal import Refusal

MODEL = "linear-2d"
_KEYS = ("model", "time_constant_s", "bounds", "property")
_LARGEST_FILE = 100_000  # bytes
_LARGEST_BOUND = 1e6


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: which property, of systems whose parameters lie within `bounds` (4, 2)."""

    wanted: Property
    bounds: Array


def read(path: Path) -> Question:
    """Read a file; raise Refusal when it asks for nothing that can be had."""
    name = path.name
    if path.suffix.lower() != ".json":
        raise Refusal(f"{name}: the suffix must be .json")
    if not path.is_file():
        raise Refusal(f"{name}: there is no such dataset")
    if path.stat().st_size == 0:
        raise Refusal(f"{name}: the file is empty")
    if path.stat().st_size > _LARGEST_FILE:
        raise Refusal(f"{name}: more than {_LARGEST_FILE} bytes are no description of a property")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Refusal(f"{name}: not readable as JSON ({' '.join(str(error).split())})") from error
    fields = _fields(name, "the file", document, _KEYS)
    if fields["model"] != MODEL:
        raise Refusal(f"{name}: model must be {MODEL}, not {fields['model']!r}")
    tau = _number(name, "time_constant_s", fields["time_constant_s"])
    if not 1e-6 <= tau <= 1e6:  # noqa: PLR2004 - from a microsecond to eleven days
        raise Refusal(f"{name}: time_constant_s must be from 1e-06 to 1e+06 seconds, not {tau:g}")
    bounds = _bounds(name, fields["bounds"])
    wanted = _property(name, fields["property"], tau)
    _check_reachable(name, wanted, bounds)
    return Question(wanted, bounds)


def _fields(name: str, place: str, value: Any, keys: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Refusal(f"{name}: {place} must be a mapping with {', '.join(keys)}")
    missing = [key for key in keys if key not in value]
    if missing:
        raise Refusal(f"{name}: {place} does not say {missing[0]}")
    foreign = sorted(set(value) - set(keys))
    if foreign:
        raise Refusal(f"{name}: {place} says {foreign[0]!r}; there are {', '.join(keys)}")
    return value


def _number(name: str, place: str, value: Any) -> float:
    sound = isinstance(value, int | float) and not isinstance(value, bool)
    if not sound or not math.isfinite(value):
        raise Refusal(f"{name}: {place} must be a finite number, not {value!r}")
    return float(value)


def _bounds(name: str, value: Any) -> Array:
    given = _fields(name, "bounds", value, PARAMETERS)
    pairs = []
    for key in PARAMETERS:
        pair = given[key]
        if not isinstance(pair, list) or len(pair) != 2:  # noqa: PLR2004 - from and to
            raise Refusal(f"{name}: the bounds of {key} must be [lowest, highest], not {pair!r}")
        low, high = (_number(name, f"a bound of {key}", one) for one in pair)
        if not -_LARGEST_BOUND <= low < high <= _LARGEST_BOUND:
            raise Refusal(
                f"{name}: the bounds of {key} must rise and stay within {_LARGEST_BOUND:g}, not {pair!r}"
            )
        pairs.append((low, high))
    return np.array(pairs)


def _property(name: str, value: Any, tau: float) -> Property:
    given = _fields(name, "property", value, STATISTICS)
    means, sds = [], []
    for key in STATISTICS:
        one = _fields(name, key, given[key], ("mean", "sd"))
        means.append(_number(name, f"the mean of {key}", one["mean"]))
        sds.append(_number(name, f"the sd of {key}", one["sd"]))
        if sds[-1] <= 0:
            raise Refusal(f"{name}: the sd of {key} must be positive, not {sds[-1]:g}")
    if means[1] <= sds[1]:
        raise Refusal(
            f"{name}: the mean of frequency_hz must be above its sd; systems that do not swing have none"
        )
    return Property(np.array(means), np.array(sds), tau)


def _check_reachable(name: str, wanted: Property, bounds: Array) -> None:
    """Refuse what no system within the bounds can do."""
    (low1, high1), (low2, high2) = bounds[0], bounds[3]
    growth = wanted.means[0] * 2 * wanted.tau
    if not low1 + low2 < growth < high1 + high2:
        raise Refusal(
            f"{name}: growth_rate_per_s of {wanted.means[0]:g} is out of reach within the bounds of "
            "a11 and a22"
        )
    product = min(x * y for x in bounds[1] for y in bounds[2])
    swing = (2 * math.pi * wanted.tau * wanted.means[1]) ** 2
    if not swing < -product:
        raise Refusal(
            f"{name}: frequency_hz of {wanted.means[1]:g} is out of reach within the bounds of a12 and "
            "a21, whose product must fall below -(2 pi time_constant_s frequency_hz)^2"
        )
