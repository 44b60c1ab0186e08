"""NC-B007: step ids are unique; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class StepIdsUnique(Rule):
    """The steps of a blueprint have different ids.

    A job and a later step refer to a step by its id.

    Fix: rename one of them.
    """

    id = "NC-B007"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per repeated id."""
        for blueprint in context.blueprints():
            seen: set[str] = set()
            for index, step in enumerate(blueprint.value.steps):
                if step.id in seen:
                    yield self.finding(
                        blueprint.document.locate(["steps", index, "id"]),
                        f"another step has the id `{step.id}` already",
                        "give each step its own id",
                    )
                seen.add(step.id)
