"""NC-B012: an open analysis names a publication; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class OpenHasReference(Rule):
    """An analysis that is open to everybody names at least one publication that describes it.

    Whoever uses the results has to be able to say, and to cite, what was computed.

    Fix: add `references: [{citation: ..., url: ...}]`, or keep the stage `invited` until there is one.
    """

    id = "NC-B012"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per open blueprint without a reference."""
        for blueprint in context.blueprints():
            if blueprint.value.stage == "open" and not blueprint.value.references:
                yield self.finding(
                    blueprint.document.locate(["references"]),
                    "the analysis is open, but names no publication",
                    "add `references: [{citation: ..., url: ...}]`",
                )
