"""NC-U003: the blueprints of a group exist; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class GroupBlueprintsExist(Rule):
    """Every blueprint that a group lists exists.

    Fix: correct the name.
    """

    id = "NC-U003"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per unknown blueprint."""
        known = context.head.blueprints()
        for group in context.groups():
            for index, name in enumerate(group.value.blueprints):
                place = ("blueprints", index)
                yield from self.missing(group.document, place, name, known, "blueprint")
