"""NC-B014: a published version never changes; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.mend import rewrite
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.versions import next_version, number


class VersionPublishedOnce(Rule):
    """A published blueprint version never changes; a changed blueprint has a higher version.

    Jobs and certificates name a version and rely on it for ever. Comments and layout may change.

    Fix: raise `version`: the last number for a correction, the first when results change.
    """

    id = "NC-B014"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per changed blueprint whose version is not higher."""
        if context.base is None:
            return
        for blueprint in context.blueprints():
            old = context.base.blueprint(blueprint.value.name).value
            if old is None or old == blueprint.value:
                continue
            if number(blueprint.value.version) <= number(old.version):
                place = blueprint.document.locate(["version"])
                raised = next_version(old, blueprint.value)
                yield self.finding(
                    place,
                    f"version {old.version} is published, and the blueprint has changed",
                    f"write `version: {raised}`, or a higher one",
                    rewrite(context.head.tree, place, blueprint.value.version, raised),
                )
