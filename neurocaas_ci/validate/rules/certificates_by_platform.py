"""NC-O002: certificates come from the platform; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class CertificatesByPlatform(Rule):
    """Only the platform adds files below certificates/.

    A certificate ends a job and books its cost. It is made and signed where the job ran.

    Fix: take the file out of the change; `neurocaas certify` of the platform records it.
    """

    id = "NC-O002"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per file that somebody else touches."""
        if context.author is None or context.author.platform:
            return
        for change in context.changes or ():
            for path in (change.old_path, change.path):
                if path is not None and path.startswith("certificates/"):
                    yield self.finding(
                        Location(path),
                        "only the platform adds certificates",
                        "take this file out of the change",
                    )
