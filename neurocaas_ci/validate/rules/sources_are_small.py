"""NC-I013: the files of an environment are small enough for git; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.registry.tree import EXECUTABLE, REGULAR
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import files

_MOST = 5_000_000


class SourcesAreSmall(Rule):
    """A file of an environment has five million bytes at most.

    Git keeps every version of it for ever, and everybody who clones the registry gets them all.

    Fix: put data and model weights into a dataset, or install them as a package; make a smaller sample.
    """

    id = "NC-I013"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per large file."""
        for entry in files(context, "iae"):
            if entry.mode not in {REGULAR, EXECUTABLE}:
                continue
            content = context.head.tree.read(entry.path, _MOST)
            if content is not None and len(content) > _MOST:
                yield self.finding(
                    Location(entry.path),
                    f"the file has more than {_MOST // 1_000_000} MB",
                    "keep data out of git: use a dataset, a package, or a smaller sample",
                )
