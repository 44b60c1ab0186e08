"""NC-P001: a protocol is Python; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.protocol_source import protocols
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.scope import PROTOCOLS
from neurocaas_ci.validate.touched import files


class ProtocolParses(Rule):
    """A protocol is one module of Python, small enough to be read.

    Modules of a change are parsed and never imported while it is judged. A module has 64,000 bytes
    at most, is nested 20 deep at most, and no statement has more than 1,000 parts.

    Fix: correct the syntax at the place named; split long tables and deep nesting.
    """

    id = "NC-P001"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per module that cannot be parsed, and per folder of modules."""
        for path, parsed in protocols(context):
            if parsed.tree is None:
                place = Location(path, parsed.line, parsed.column)
                fix = "correct this place; a protocol is a short module of plain Python"
                yield self.finding(place, parsed.problem, fix)
        for entry in files(context, PROTOCOLS):
            name = entry.path.removeprefix(f"{PROTOCOLS}/")
            if "/" in name:
                yield self.finding(
                    Location(entry.path),
                    "a protocol is a single module, not a folder",
                    f"put it into {PROTOCOLS}/{name.partition('/')[0]}.py",
                )
