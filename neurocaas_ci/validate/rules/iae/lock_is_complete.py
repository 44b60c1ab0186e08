"""NC-I008: every required package is locked; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.sources import lines, package


class LockIsComplete(Rule):
    """Every package that requirements.in names is pinned in requirements.lock.

    The image holds what the lock says: a package that was added to requirements.in alone is missing
    when the analysis runs. (Packages with a condition after `;` are left to the resolver, and those that
    are built from source have a lock of their own.)

    Fix: run `neurocaas iae lock NAME` and commit what it writes.
    """

    id = "NC-I008"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per package without a pin; a missing lock is another rule's."""
        for name in context.iae_names():
            wanted = lines(context, f"iae/{name}/requirements.in")
            locked = lines(context, f"iae/{name}/requirements.lock")
            if wanted is None or locked is None:
                continue
            pins = (package(line) for _, line in locked)
            known = {found[0] for found in pins if found is not None} | _built(context, name)
            for number, line in wanted:
                found = package(line)
                if found is not None and ";" not in line and found[0] not in known:
                    yield self.finding(
                        Location(f"iae/{name}/requirements.in", number),
                        f"`{found[0]}` is not in requirements.lock",
                        f"run `neurocaas iae lock {name}` and commit what it writes",
                    )


def _built(context: Context, name: str) -> set[str]:
    iae = context.head.iae(name).value
    return {package.name for package in iae.sources.packages} if iae and iae.sources else set()
