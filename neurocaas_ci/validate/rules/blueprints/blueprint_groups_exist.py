"""NC-B005: the groups of a blueprint exist; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class BlueprintGroupsExist(Rule):
    """Every group that a blueprint invites is in the registry, and an invited one has a group.

    Fix: correct the name, or add `registry/groups/<name>.yaml`.
    """

    id = "NC-B005"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per unknown group, and per invitation of nobody."""
        known = context.head.groups()
        for blueprint in context.blueprints():
            value = blueprint.value
            for index, name in enumerate(value.groups):
                yield from self.missing(blueprint.document, ["groups", index], name, known, "group")
            if value.stage == "invited" and not value.groups:
                yield self.finding(
                    blueprint.document.locate(["stage"]),
                    "the stage is `invited`, but no group is",
                    "list the groups under `groups`, or write `stage: open`",
                )
