"""NC-H002: the date of a price is a day of the calendar; I/O is not handled here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class PriceDateIsReal(Rule):
    """The date of a price is a day of the calendar.

    The date says how old a price is; 2026-02-30 says that nobody looked.

    Fix: write the day on which the price was looked up.
    """

    id = "NC-H002"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per date that does not exist."""
        for hardware in context.hardware():
            try:
                dt.date.fromisoformat(hardware.value.date)
            except ValueError:
                yield self.finding(
                    hardware.document.locate(["date"]),
                    f"there is no day {hardware.value.date}",
                    "write the day on which the price was looked up",
                )
