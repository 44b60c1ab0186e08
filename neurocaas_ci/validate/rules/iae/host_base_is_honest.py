"""NC-I007: a captured interpreter is not called reproducible; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class HostBaseIsHonest(Rule):
    """An environment on the interpreter of one machine is not marked as reproducible.

    Nobody else has that machine, so nobody can rebuild the image.

    Fix: lock again, or use a base of Debian packages.
    """

    id = "NC-I007"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per lock that promises too much."""
        for name, iae in context.iaes():
            lock = context.head.iae_lock(name)
            if iae.value.base_kind == "host" and lock.value and lock.value.reproducible:
                yield self.finding(
                    lock.document.locate(["reproducible"]),
                    "the base is the interpreter of one machine, but the lock says reproducible",
                    f"run `neurocaas iae lock {name}`, or use `base: {{kind: deb, ...}}`",
                )
