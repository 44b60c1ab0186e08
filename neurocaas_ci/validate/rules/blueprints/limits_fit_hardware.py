"""NC-B011: limits fit the hardware; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.units import format_size
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class LimitsFitHardware(Rule):
    """A run's limits fit on every hardware type that its step allows.

    A run that asks for more memory or processors than the machine has would never start.

    Fix: lower the limit, or do not allow the small machine.
    """

    id = "NC-B011"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per limit and machine that do not go together."""
        for blueprint in context.blueprints():
            for index, step in enumerate(blueprint.value.steps):
                for name in step.hardware_allowed:
                    machine = context.head.hardware(name).value
                    if machine is None:
                        continue
                    for key, need, has in (
                        ("memory", step.limits.memory, machine.memory),
                        ("cpus", step.limits.cpus, machine.vcpus),
                    ):
                        if need > has:
                            shown = (
                                (format_size(need), format_size(has))
                                if key == "memory"
                                else (need, has)
                            )
                            yield self.finding(
                                blueprint.document.locate(["steps", index, "limits", key]),
                                f"the limit `{key}` is {shown[0]}, but {name} has {shown[1]}",
                                f"lower it, or remove {name} from `allowed`",
                            )
