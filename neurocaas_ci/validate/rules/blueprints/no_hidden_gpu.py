"""NC-B019: no step pays for a GPU that its runs cannot see; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class NoHiddenGpu(Rule):
    """No step may run on hardware whose GPU its runs cannot see.

    Engines give a run the GPUs of its hardware, but a sandbox shows it none of the machine's devices
    and none of its drivers. A framework would compute on processors without a word, and the job would
    pay for the GPU. Only `--isolation none` shows it.

    Fix: allow hardware without a GPU, unless all that is ever run on it is run without a sandbox.
    """

    id = "NC-B019"
    severity = "warning"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per allowed hardware that has a GPU."""
        for blueprint in context.blueprints():
            for index, step in enumerate(blueprint.value.steps):
                for number, name in enumerate(step.hardware_allowed):
                    machine = context.head.hardware(name).value
                    if machine is not None and machine.gpus:
                        yield self.finding(
                            blueprint.document.locate(
                                ["steps", index, "hardware", "allowed", number]
                            ),
                            f"{name} has a GPU, which a sandbox does not show to runs",
                            "remove it from `allowed`; docs/reference/sandbox.md#gpus says more",
                        )
