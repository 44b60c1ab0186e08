"""NC-O003: the code owners are those of the registry; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.plan.owners import PATH, code_owners
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import touches

_NAMED_IN = ("registry/blueprints", "registry/policy.yaml", "iae", PATH)


class CodeOwnersCurrent(Rule):
    """`.github/CODEOWNERS`, where there is one, names whom the registry names.

    GitHub asks only those for approval. An analysis that is added without its line is asked of the
    platform's maintainers alone; a maintainer who left is asked for ever.

    Fix: run `neurocaas init owners` and commit what it writes.
    """

    id = "NC-O003"
    severity = "warning"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding at the first line that differs."""
        if not touches(context, *_NAMED_IN):
            return
        content = context.head.tree.read(PATH)
        if content is None:
            return
        found = content.decode("utf-8", "replace").split("\n")
        wanted = code_owners(context.head).split("\n")
        if found == wanted:
            return
        line = next(
            (n for n, (a, b) in enumerate(zip(found, wanted, strict=False), 1) if a != b),
            min(len(found), len(wanted)),
        )
        yield self.finding(
            Location(PATH, line),
            "it does not name who the registry names",
            "`neurocaas init owners` writes it anew",
        )
