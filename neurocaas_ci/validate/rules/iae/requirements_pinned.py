"""NC-I002: wheels are pinned by version and digest; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.sources import lines

_PINNED = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+_-]+(?: +--hash=sha256:[0-9a-f]{64})+"
)


class RequirementsPinned(Rule):
    """Every line of requirements.lock pins one wheel by version and SHA-256.

    A version alone can be uploaded again for another platform, and a mirror can serve anything.

    Fix: list what you need in requirements.in and run `neurocaas iae lock NAME`.
    """

    id = "NC-I002"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per loose line, and per environment without the lock."""
        for name in context.iae_names():
            wanted = lines(context, f"iae/{name}/requirements.in")
            path = f"iae/{name}/requirements.lock"
            locked = lines(context, path)
            if locked is None and wanted is not None and any(wanted):
                yield self.finding(
                    Location(f"iae/{name}/requirements.in"),
                    f"there is no {path}",
                    f"run `neurocaas iae lock {name}`",
                )
            for number, line in locked or ():
                if not _PINNED.fullmatch(line):
                    yield self.finding(
                        Location(path, number),
                        "this line does not pin one wheel by version and SHA-256",
                        f"write `name==version --hash=sha256:...`: run `neurocaas iae lock {name}`",
                    )
