"""What comparing gives, for people and for programs, bounded in length; I/O is not handled here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from neurocaas_ci.audit.compare.trouble import ImpossibleError

Verdict = Literal["equivalent", "different", "impossible"]

_MAX_LINES = 40
_MAX_LINE = 200
_NAMED = 3
_MAX_PARTS = 20
_MAX_FACTS = 32 << 10


@dataclass(frozen=True, slots=True)
class Part:
    """What comparing a part gave: an array, a column, a member of an archive, or a whole file.

    `used` is the share of its tolerance that the difference needs, 1 at the bound.
    """

    verdict: Verdict
    summary: str
    details: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    used: float = 0.0


def different(summary: str, *details: str, **facts: Any) -> Part:
    """Return a part that differs."""
    return Part("different", summary, details, facts)


def equivalent(summary: str, *details: str, **facts: Any) -> Part:
    """Return a part that agrees."""
    return Part("equivalent", summary, details, facts)


def impossible(summary: str) -> Part:
    """Return a part that cannot be judged."""
    return Part("impossible", summary)


def one_sided(in_original: bool) -> Part:
    """Return the part for something that only one of the two has."""
    side = "original" if in_original else "replay"
    return different(f"is only in the {side}", only_in=side)


def merge(parts: Iterable[tuple[str, Part]], noun: str, **facts: Any) -> Part:
    """Judge a whole by its named parts: different wins over impossible, and that over equivalent.

    When a part exhausts the bounds on work, the parts after it are not looked at.
    """
    total = 0
    bad: dict[Verdict, list[tuple[str, Part]]] = {"different": [], "impossible": []}
    counts: dict[Verdict, int] = {"different": 0, "impossible": 0}
    good: list[tuple[str, Part]] = []
    closest: tuple[str, Part] | None = None
    stopped = ""
    try:
        for name, part in parts:
            total += 1
            if part.verdict in bad:
                counts[part.verdict] += 1
                if len(bad[part.verdict]) < _MAX_PARTS:
                    bad[part.verdict].append((name, part))
                continue
            if part.facts and len(good) < _MAX_PARTS:
                good.append((name, part))
            if closest is None or part.used > closest[1].used:
                closest = (name, part)
    except ImpossibleError as error:
        stopped = f"stopped after {plural(total, noun)}: {error}"
        counts["impossible"] += 1
    verdict: Verdict = next((v for v in ("different", "impossible") if counts[v]), "equivalent")
    shown = [*bad["different"], *bad["impossible"]]
    said: dict[str, Any] = {
        **facts,
        f"{noun}s": _facts_of([*shown, *good]),
        "total": total,
        **{word: number for word, number in counts.items() if number},
    }
    details = [line for name, p in shown for line in _under(name, p)]
    if verdict == "equivalent":
        summary = _agree(total, noun, closest)
    elif bad[verdict]:
        summary = _say(verdict, counts[verdict], total, noun, bad[verdict])
        details += [stopped] if stopped else []
    else:
        summary = stopped
    used = closest[1].used if closest else 0.0
    return Part(verdict, summary, bounded(details), said, used)


def bounded(lines: Iterable[str], limit: int = _MAX_LINES) -> tuple[str, ...]:
    """Return the lines, at most `limit`; the last then says how many are missing."""
    kept = tuple(lines)
    if len(kept) <= limit:
        return kept
    return (*kept[: limit - 1], f"... and {len(kept) - limit + 1:,} more lines")


def plain(text: str, limit: int = _MAX_LINE) -> str:
    """Return a text without anything that a terminal obeys, cut in the middle when it is long."""
    if len(text) > limit:
        half = (limit - 5) // 2
        text = f"{text[:half]} ... {text[-half:]}"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def number(value: Fraction | float) -> float | str:
    """Return a JSON number; what JSON cannot say is text such as `nan` or `inf`."""
    try:
        real = float(value)
    except OverflowError:
        return "-inf" if value < 0 else "inf"
    return real if math.isfinite(real) else str(real)


def plural(count: int, noun: str) -> str:
    """Return `1 row` or `2,000 rows`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _facts_of(parts: list[tuple[str, Part]]) -> dict[str, Any]:
    """Return what is known of each part, until that would become too long: parts have parts."""
    found: dict[str, Any] = {}
    room = _MAX_FACTS
    for name, part in parts:
        size = len(json.dumps(part.facts))
        found[name] = {"verdict": part.verdict, **(part.facts if size <= room else {})}
        room -= min(size, room)
    return found


def _under(name: str, part: Part) -> list[str]:
    return [f"{name}: {part.summary}", *(f"  {line}" for line in part.details)]


def _say(verdict: Verdict, count: int, total: int, noun: str, parts: list[tuple[str, Part]]) -> str:
    names = ", ".join(name for name, _ in parts[:_NAMED])
    more = ", ..." if count > _NAMED else ""
    verb = "differ" if verdict == "different" else "cannot be compared"
    if verdict == "different" and count == 1:
        verb = "differs"
    return f"{count:,} of {plural(total, noun)} {verb}: {names}{more}"


def _agree(total: int, noun: str, closest: tuple[str, Part] | None) -> str:
    if closest is None:
        return f"no {noun}s on either side"
    name, part = closest
    text = f"{plural(total, noun)} {'agrees' if total == 1 else 'agree'}"
    return f"{text}; closest to its tolerance is {name}: {part.summary}" if part.used else text
