"""NC-J006: the hardware of a job is allowed; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class JobHardwareAllowed(Rule):
    """A job asks for hardware that the step allows, at a price that the hardware has.

    Fix: choose one of the allowed types, or leave `hardware` out.
    """

    id = "NC-J006"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per unknown step, type that is not allowed, and missing price."""
        for job in context.jobs():
            blueprint = context.blueprint_of(job.value)
            if blueprint is None:
                continue
            allowed = {step.id: step.hardware_allowed for step in blueprint.steps}
            for step, name in job.value.hardware.items():
                place = ("hardware", step)
                yield from self.missing(job.document, place, step, allowed, "step")
                if step in allowed:
                    yield from self.missing(
                        job.document, place, name, allowed[step], "allowed hardware"
                    )
            if job.value.pricing == "save":
                for item in blueprint.steps:
                    name = job.value.hardware.get(item.id, item.hardware)
                    machine = context.head.hardware(name).value
                    if machine is not None and machine.price_save is None:
                        yield self.finding(
                            job.document.locate(["pricing"]),
                            f"the hardware `{name}` has no price for `save`",
                            "write `pricing: standard`, or choose other hardware",
                        )
