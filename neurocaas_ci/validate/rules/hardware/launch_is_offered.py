"""NC-H003: AWS offers what a hardware type asks for; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.fargate import is_size, sizes
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.units import format_size
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class LaunchIsOffered(Rule):
    """`launch` stands on hardware of AWS only, and Fargate has a task of that size.

    Fargate has fixed sizes of memory for each number of vCPUs, and no graphics processors. Another
    size would be refused when the first job starts.

    Fix: take a size that Fargate has, or remove `launch`.
    """

    id = "NC-H003"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per hardware type that cannot be started as it says."""
        for hardware in context.hardware():
            value, document = hardware
            if value.launch is None:
                continue
            if value.provider != "aws":
                yield self.finding(
                    document.locate(["launch"]),
                    f"`launch` says how AWS starts it, and the provider is `{value.provider}`",
                    "remove `launch`, or write `provider: aws`",
                )
            elif value.launch == "fargate" and value.gpus:
                yield self.finding(
                    document.locate(["gpus"]),
                    "Fargate has no graphics processors",
                    "write `gpus: 0`, or remove `launch`",
                )
            elif value.launch == "fargate" and not is_size(value.vcpus, value.memory):
                yield self.finding(
                    document.locate(["memory"]),
                    f"Fargate has no task of {value.vcpus} vCPUs and {format_size(value.memory)}",
                    f"Fargate offers {sizes(value.vcpus)}",
                )
