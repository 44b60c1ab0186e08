"""NC-C002: certificates are append-only; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class CertificatesAppendOnly(Rule):
    """A certificate is added and never changed or removed.

    Others have seen it and rely on it; a replay adds its own file.

    Fix: restore the file.
    """

    id = "NC-C002"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per certificate that is not as it was."""
        for change in context.changes or ():
            before = change.old_path or change.path
            if before.startswith("certificates/") and change.status != "added":
                what = "removed" if change.status in {"deleted", "renamed"} else "changed"
                yield self.finding(
                    Location(before),
                    f"a certificate was {what}",
                    "restore it; certificates are only ever added",
                )
