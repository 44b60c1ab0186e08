"""Sizes and durations as people write them; I/O is not handled here."""

from __future__ import annotations

import re

from neurocaas_ci.patterns import late

_SIZE = late(r"(\d{1,15})(?:\.(\d{1,6}))? ?([kKMGT]i?)?B", re.ASCII)
_FACTORS = {"k": 1, "K": 1, "M": 2, "G": 3, "T": 4}
_DURATION = late(r"(?=\d)(?:(\d{1,6})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
_SECONDS = (86_400, 3_600, 60, 1)


def parse_size(text: str) -> int:
    """Return bytes for `2GB`, `512MB` (powers of 1000) or `1.5GiB` (powers of 1024).

    Raise ValueError for anything else, and for a fraction of a byte.
    """
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError(f"not a size: {text!r}; write for example 2GB, 512MB or 1.5GiB")
    whole, part, prefix = match.groups()
    factor: int = 1
    if prefix:
        factor = (1024 if prefix.endswith("i") else 1000) ** _FACTORS[prefix[0]]
    scale: int = 10 ** len(part or "")
    size, rest = divmod(int(whole + (part or "")) * factor, scale)
    if rest:
        raise ValueError(f"not a whole number of bytes: {text!r}")
    return size


def parse_duration(text: str) -> int:
    """Return seconds for `90s`, `30m`, `1h`, `2d` or sums such as `1h30m`; raise ValueError."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError(f"not a duration: {text!r}; write for example 90s, 30m, 1h or 1h30m")
    return sum(int(count or 0) * unit for count, unit in zip(match.groups(), _SECONDS, strict=True))


def format_size(size: int) -> str:
    """Return a number of bytes in the largest unit that shows it exactly, for example `512MB`."""
    for base, infix in ((1000, ""), (1024, "i")):
        for prefix, power in (("T", 4), ("G", 3), ("M", 2), ("k" if not infix else "K", 1)):
            if size and size % base**power == 0:
                return f"{size // base**power}{prefix}{infix}B"
    return f"{size}B"


def format_duration(seconds: int) -> str:
    """Return seconds as a sum of days, hours, minutes and seconds, for example `1h30m`."""
    parts = []
    for letter, unit in zip("dhms", _SECONDS, strict=True):
        count, seconds = divmod(seconds, unit)
        if count:
            parts.append(f"{count}{letter}")
    return "".join(parts) or "0s"
