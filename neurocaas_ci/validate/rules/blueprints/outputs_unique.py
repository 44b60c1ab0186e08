"""NC-B008: outputs are declared once; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class OutputsUnique(Rule):
    """An output is declared once.

    Two rules for one file could disagree about how a replay compares it.

    Fix: remove one of the two.
    """

    id = "NC-B008"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per repeated path."""
        for blueprint in context.blueprints():
            seen: set[str] = set()
            for index, output in enumerate(blueprint.value.outputs):
                if output.path in seen:
                    yield self.finding(
                        blueprint.document.locate(["outputs", index, "path"]),
                        f"the output `{output.path}` is declared already",
                        "remove one of the two entries",
                    )
                seen.add(output.path)
