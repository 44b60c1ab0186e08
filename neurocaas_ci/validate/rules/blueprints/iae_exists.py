"""NC-B002: the environment of a step exists; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class IaeExists(Rule):
    """Every step names an environment of this repository.

    The commit of a blueprint pins its environments: they must be in the same tree.

    Fix: correct the name, or add the folder `iae/<name>/`.
    """

    id = "NC-B002"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per unknown environment."""
        known = context.head.iaes()
        for blueprint in context.blueprints():
            for index, step in enumerate(blueprint.value.steps):
                place = ("steps", index, "iae")
                yield from self.missing(blueprint.document, place, step.iae, known, "IAE")
