"""The resource bank as a table and as JSON; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from neurocaas_ci.model.registry import Hardware
from neurocaas_ci.model.units import format_size
from neurocaas_ci.report.plain import printable

_HEAD = ("TYPE", "PROVIDER", "VCPUS", "MEMORY", "GPUS", "STANDARD", "SAVE", "DATE", "DAYS")
_LEFT = {0, 1, 7}


def as_text(machines: Iterable[Hardware], today: date) -> str:
    """Return a table, one line per type; prices in US dollars per hour, and how many days old."""
    rows = [
        (
            machine.id,
            machine.provider if machine.launch in {None, "ec2"} else str(machine.launch),
            str(machine.vcpus),
            format_size(machine.memory),
            str(machine.gpus),
            f"{machine.price_standard:g}",
            "-" if machine.price_save is None else f"{machine.price_save:g}",
            machine.date,
            str(age(machine, today)),
        )
        for machine in machines
    ]
    return table(_HEAD, rows, _LEFT)


def as_json(machine: Hardware, today: date) -> dict[str, Any]:
    """Return one type as JSON; memory in bytes, prices in US dollars per hour."""
    return {
        "id": machine.id,
        "provider": machine.provider,
        "launch": machine.launch,
        "vcpus": machine.vcpus,
        "memory": machine.memory,
        "gpus": machine.gpus,
        "price_usd_per_hour": {"standard": machine.price_standard, "save": machine.price_save},
        "source": machine.source,
        "date": machine.date,
        "age_days": age(machine, today),
    }


def age(machine: Hardware, today: date) -> int | None:
    """Return how many days old a price is, or None for a date that no calendar has."""
    try:
        return (today - date.fromisoformat(machine.date)).days
    except ValueError:
        return None


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: set[int]) -> str:
    """Return lines of columns: those in `left` start at the same place, the others end there."""
    lines = [head, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = (
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
    return "\n".join(shown)
