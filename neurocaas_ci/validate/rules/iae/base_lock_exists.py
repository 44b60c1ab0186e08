"""NC-I005: Debian packages are locked; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class BaseLockExists(Rule):
    """A base of Debian packages has its base.lock.

    Package names alone mean something else on every day of a mirror.

    Fix: run `neurocaas iae lock NAME` and commit what it writes.
    """

    id = "NC-I005"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per unlocked base."""
        for name, iae in context.iaes():
            path = f"iae/{name}/base.lock"
            if iae.value.base_kind == "deb" and context.head.tree.read(path, 0) is None:
                yield self.finding(
                    iae.document.locate(["base"]),
                    f"there is no {path}",
                    f"run `neurocaas iae lock {name}` and commit what it writes",
                )
