"""A quote and a hardware file to the file as it should be, and what that changes; no I/O here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from neurocaas_ci.errors import UsageError
from neurocaas_ci.hardware.answers import digest
from neurocaas_ci.hardware.edit import edited, new
from neurocaas_ci.hardware.quote import Quote
from neurocaas_ci.model.money import Microdollars, microdollars
from neurocaas_ci.model.registry import Hardware
from neurocaas_ci.model.units import format_size
from neurocaas_ci.registry.write import scalar

FACTOR = 10
"""A price that changes by more than this is a mistake until somebody says otherwise."""

CONFIRM_DAYS = 30
"""After this long an unchanged price is written down again, with its new date."""

_UNIT = 1_000_000


class Move(NamedTuple):
    """A price before and after, per hour; None where there is no such price."""

    pricing: str
    before: Microdollars | None
    after: Microdollars | None

    @property
    def percent(self) -> float | None:
        """Return the change in percent of the price before, or None without one."""
        if self.before is None or self.after is None or not self.before:
            return None
        return 100.0 * (self.after - self.before) / self.before


class Revision(NamedTuple):
    """What becomes of one hardware file; `content` is None when it stays as it is.

    `shape` says in words what else than a price is another one.
    """

    quote: Quote
    moves: tuple[Move, ...]
    shape: tuple[str, ...]
    content: str | None
    created: bool

    @property
    def moved(self) -> bool:
        """Tell whether a price changes."""
        return any(move.before != move.after for move in self.moves)


def revise(
    quote: Quote, known: Hardware | None, text: str | None, today: date, *, path: str
) -> Revision:
    """Return what becomes of a file (`known` is its value, `text` its content) after a quote."""
    values = _values(quote, today)
    if known is None or text is None:
        moves = (Move("standard", None, quote.standard), Move("save", None, quote.save))
        return Revision(quote, moves, (), new(values), created=True)
    moves = (
        Move("standard", microdollars(known.price_standard), quote.standard),
        Move("save", _optional(known.price_save), quote.save),
    )
    shape = tuple(_shape(quote, known))
    if all(m.before == m.after for m in moves) and not shape and not _stale(quote, known, today):
        return Revision(quote, moves, shape, None, created=False)
    # What did not change stays as it was written: `2 GiB` is no better than `2GiB`.
    kept = {"schema", "id", "provider", "launch"}
    if quote.machine.memory == known.memory:
        kept.add("memory")
    if quote.machine.gpus == known.gpus:
        kept.add("gpus")
    changed = {key: value for key, value in values.items() if key not in kept}
    return Revision(quote, moves, shape, edited(text, changed, where=path), created=False)


def refuse_absurd(revision: Revision) -> None:
    """Raise UsageError when a price moves by more than a mistake would explain."""
    for move in revision.moves:
        if move.before is None or move.after is None or move.before == move.after:
            continue
        low, high = sorted((move.before, move.after))
        if low * FACTOR < high:
            raise UsageError(
                f"the {move.pricing} price would go from {number(move.before)} to "
                f"{number(move.after)} USD per hour, by more than a factor of {FACTOR}",
                where=revision.quote.machine.id,
                hint="look at both; --force takes the new one",
            )


def number(amount: Microdollars) -> str:
    """Return microdollars as a decimal number of US dollars, as it stands in a file."""
    shown = f"{Decimal(amount) / _UNIT:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _values(quote: Quote, today: date) -> dict[str, str | None]:
    machine = quote.machine
    return {
        "schema": "neurocaas/hardware/v1",
        "id": machine.id,
        "provider": "aws",
        "launch": machine.launch if machine.launch == "fargate" else None,
        "vcpus": str(machine.vcpus),
        "memory": format_size(machine.memory),
        "gpus": str(machine.gpus),
        "standard": number(quote.standard),
        "save": None if quote.save is None else number(quote.save),
        # Both in quotes: a colon in the text, and a date that YAML 1.1 takes for no text.
        "source": _quoted(quote.source),
        "date": _quoted(today.isoformat()),
        "sha256": _quoted(digest(quote.answers)),
    }


def _quoted(text: str) -> str:
    quoted = scalar(text)
    return quoted if quoted.startswith('"') else f'"{text}"'


def _shape(quote: Quote, known: Hardware) -> Iterator[str]:
    machine = quote.machine
    if machine.vcpus != known.vcpus:
        yield f"vcpus {known.vcpus} -> {machine.vcpus}"
    if machine.memory != known.memory:
        yield f"memory {format_size(known.memory)} -> {format_size(machine.memory)}"
    if machine.gpus != known.gpus:
        yield f"gpus {known.gpus} -> {machine.gpus}"


def _stale(quote: Quote, known: Hardware, today: date) -> bool:
    """Tell whether a price that is the same should be written down as looked up again."""
    if known.source != quote.source:
        return True
    try:
        written = date.fromisoformat(known.date)
    except ValueError:
        return True
    return (today - written).days > CONFIRM_DAYS


def _optional(usd: float | None) -> Microdollars | None:
    return None if usd is None else microdollars(usd)
