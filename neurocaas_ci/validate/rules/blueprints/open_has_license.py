"""NC-B013: an open analysis has a licence; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class OpenHasLicense(Rule):
    """An analysis that is open to everybody says under which licence.

    Without one nobody but its authors may copy it, and every replay makes a copy.

    Fix: add `license: ` and the SPDX identifier, for example MIT or BSD-3-Clause.
    """

    id = "NC-B013"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per open blueprint without a licence."""
        for blueprint in context.blueprints():
            if blueprint.value.stage == "open" and blueprint.value.license is None:
                yield self.finding(
                    blueprint.document.locate(["stage"]),
                    "the analysis is open, but has no licence",
                    "add `license: ...`, an SPDX identifier such as MIT or BSD-3-Clause",
                )
