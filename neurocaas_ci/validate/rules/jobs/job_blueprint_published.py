"""NC-J004: the blueprint version of a job is published; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class JobBlueprintPublished(Rule):
    """A job names a blueprint version that is published, by this change at the latest.

    Fix: correct the name or the version; a full commit id of main is accepted too.
    """

    id = "NC-J004"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per unknown blueprint or version."""
        known = context.head.blueprints()
        for job in context.jobs():
            value, place = job.value, job.document.locate(["blueprint"])
            if context.blueprint_of(value) is not None:
                continue
            here = context.head.blueprint(value.blueprint).value
            if here is not None:
                yield self.finding(
                    place,
                    f"the blueprint {value.blueprint} has no published version {value.version}",
                    f"the newest version is {value.blueprint}@{here.version}",
                )
            elif value.blueprint in known:
                yield self.finding(
                    place,
                    f"the blueprint {value.blueprint} is not valid",
                    f"mend registry/blueprints/{value.blueprint}.yaml first",
                )
            else:
                yield from self.missing(
                    job.document, ["blueprint"], value.blueprint, known, "blueprint"
                )
