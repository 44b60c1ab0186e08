"""NC-B017: a version that was ever published is not used again; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class VersionNeverReused(Rule):
    """A blueprint that is added again does not use a version of its earlier life for other content.

    Removing a blueprint does not unpublish it: its jobs and certificates name its versions for ever.

    Fix: write a version that was never published.
    """

    id = "NC-B017"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per new blueprint whose version meant something else before."""
        if context.base is None or context.published is None:
            return
        for blueprint in context.blueprints():
            value = blueprint.value
            if context.base.blueprint(value.name).value is not None:
                continue
            earlier = context.published(value.name, value.version)
            if earlier is not None and earlier != value:
                yield self.finding(
                    blueprint.document.locate(["version"]),
                    f"{value.name}@{value.version} was published before, with other content",
                    "write a version that was never published",
                )
