"""NC-I001: an environment is locked; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class IaeLockExists(Rule):
    """An environment has its `iae.lock`.

    The lock names the image by digest; without it a blueprint pins nothing.

    Fix: run `neurocaas iae lock NAME` and commit the files that it writes.
    """

    id = "NC-I001"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per environment without a lock."""
        for name in context.iae_names():
            if context.head.iae(name).exists and not context.head.iae_lock(name).exists:
                yield self.finding(
                    Location(f"iae/{name}/iae.yaml"),
                    f"the environment `{name}` has no iae.lock",
                    f"run `neurocaas iae lock {name}` and commit what it writes",
                )
