"""NC-B003: the hardware of a step exists; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class HardwareExists(Rule):
    """Every hardware type that a step names is in the resource bank.

    Its price bounds the cost of a job.

    Fix: correct the id, or add `registry/hardware/<id>.yaml`.
    """

    id = "NC-B003"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per unknown hardware id."""
        known = context.head.hardware_ids()
        for blueprint in context.blueprints():
            for index, step in enumerate(blueprint.value.steps):
                place = ("steps", index, "hardware")
                document = blueprint.document
                yield from self.missing(
                    document, (*place, "default"), step.hardware, known, "hardware"
                )
                for number, name in enumerate(step.hardware_allowed):
                    pointer = (*place, "allowed", number)
                    yield from self.missing(document, pointer, name, known, "hardware")
