"""NC-I004: the entrypoint is in the sources; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class EntrypointExists(Rule):
    """A file of /iae that the entrypoint names is in the sources.

    The sources `workflow.*` and `src/` are what appears under /iae.

    Fix: correct the path, or add the file to `iae/<name>/`.
    """

    id = "NC-I004"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per argument below /iae without a source."""
        for name, iae in context.iaes():
            prefix = f"iae/{name}/"
            paths = [e.path.removeprefix(prefix) for e in context.head.tree.entries(prefix)]
            code = [p for p in paths if p.startswith(("src/", "workflow."))]
            for index, argument in enumerate(iae.value.entrypoint):
                if argument.startswith("/iae/"):
                    yield from self.missing(
                        iae.document,
                        ["entrypoint", index],
                        argument,
                        [f"/iae/{path}" for path in code],
                        "source for",
                    )
