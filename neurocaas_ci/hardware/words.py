"""Revisions of prices as a table, as JSON and as the message of a commit; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from neurocaas_ci.hardware.revise import Move, Revision, number
from neurocaas_ci.hardware.spot import DAYS
from neurocaas_ci.model.money import dollars
from neurocaas_ci.report.hardware import table

_HEAD = ("TYPE", "PRICE", "BEFORE", "AFTER", "CHANGE", "NOTE")
_LEFT = {0, 1, 5}


def title(revisions: Sequence[Revision], region: str, today: date) -> str:
    """Return the subject of the commit, which is the title of its pull request."""
    count = len(revisions)
    types = f"{count} hardware types" if count > 1 else revisions[0].quote.machine.id
    return f"Prices of {types} in {region}, {today.isoformat()}"


def message(revisions: Sequence[Revision], region: str, today: date) -> str:
    """Return the message of the commit: every change, and the spot prices it was derived from."""
    lines = [title(revisions, region, today), "", as_text(revisions)]
    spot = [line for revision in revisions for line in _zones(revision)]
    if spot:
        lines += [
            "",
            f"Spot prices of {DAYS} days, by zone (half of the time at most, 95 % at most):",
        ]
        lines += spot
    return "\n".join(lines) + "\n"


def as_text(revisions: Sequence[Revision]) -> str:
    """Return a table: a line per price, in US dollars per hour."""
    rows = [row for revision in revisions for row in _rows(revision)]
    return table(_HEAD, rows, _LEFT)


def as_json(revision: Revision) -> dict[str, Any]:
    """Return one revision as JSON; prices in US dollars per hour."""
    return {
        "id": revision.quote.machine.id,
        "created": revision.created,
        "prices": [
            {
                "pricing": move.pricing,
                "before": None if move.before is None else dollars(move.before),
                "after": None if move.after is None else dollars(move.after),
                "percent": None if move.percent is None else round(move.percent, 2),
            }
            for move in revision.moves
        ],
        "shape": list(revision.shape),
        "spot": [
            {"zone": zone.name, "p50": float(zone.p50), "p95": float(zone.p95)}
            for zone in revision.quote.zones
        ],
        "source": revision.quote.source,
    }


def _rows(revision: Revision) -> Iterator[tuple[str, ...]]:
    note = "; ".join(revision.shape) or ("" if revision.moved else "as before; looked up again")
    if revision.created:
        note = "a new file"
    for move in revision.moves:
        if move.before is None and move.after is None:
            continue
        before = "-" if move.before is None else number(move.before)
        after = "-" if move.after is None else number(move.after)
        yield (revision.quote.machine.id, move.pricing, before, after, _change(move), note)
        note = ""


def _change(move: Move) -> str:
    if move.before is None:
        return "new"
    if move.after is None:
        return "gone"
    if move.before == move.after:
        return "-"
    return "from 0" if move.percent is None else f"{move.percent:+.1f} %"


def _zones(revision: Revision) -> Iterator[str]:
    for zone in revision.quote.zones:
        yield (
            f"{revision.quote.machine.id} {zone.name}: {zone.p50.normalize():f}, "
            f"{zone.p95.normalize():f}"
        )
