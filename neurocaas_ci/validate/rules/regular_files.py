"""NC-R002: only regular files; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.registry.tree import EXECUTABLE, REGULAR, SUBMODULE, SYMLINK
from neurocaas_ci.validate.context import FOLDERS, Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import files

_KINDS = {SYMLINK: "a symbolic link", SUBMODULE: "a git submodule"}


class RegularFiles(Rule):
    """The registry, the environments and the certificates are regular files.

    A symbolic link or a submodule shows content that is not part of the commit; a pipe or a device
    cannot be committed at all.

    Fix: put a copy of the content in its place.
    """

    id = "NC-R002"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per entry that is not a regular file."""
        for entry in files(context, *FOLDERS):
            if entry.mode not in {REGULAR, EXECUTABLE}:
                what = _KINDS.get(entry.mode, "no regular file")
                yield self.finding(
                    Location(entry.path),
                    f"this is {what}",
                    "put a regular file with the content here",
                )
