"""NC-R007: files of the registry are not executable; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location, Unexecutable
from neurocaas_ci.registry.tree import EXECUTABLE
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import files


class NotExecutable(Rule):
    """A file below registry/ or certificates/ is not marked as executable.

    It describes and is never run; the mark is a slip of an editor or a file system, and it makes a
    change of an append-only file out of nothing.

    Fix: `chmod -x` the file.
    """

    id = "NC-R007"
    severity = "warning"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per executable file."""
        for entry in files(context, "registry", "certificates"):
            if entry.mode == EXECUTABLE:
                yield self.finding(
                    Location(entry.path),
                    "the file is executable",
                    f"chmod -x {entry.path}",
                    Unexecutable(entry.path),
                )
