"""NC-B004: the default hardware is allowed; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class DefaultHardwareAllowed(Rule):
    """The default hardware of a step is one of the allowed types.

    Fix: add it to `allowed`, or choose another default.
    """

    id = "NC-B004"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per step whose default is not allowed."""
        for blueprint in context.blueprints():
            for index, step in enumerate(blueprint.value.steps):
                if step.hardware not in step.hardware_allowed:
                    yield self.finding(
                        blueprint.document.locate(["steps", index, "hardware", "default"]),
                        f"the default `{step.hardware}` is not among the allowed types",
                        f"add it to `allowed`, or use {step.hardware_allowed[0]}",
                    )
