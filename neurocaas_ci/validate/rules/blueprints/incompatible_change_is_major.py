"""NC-B016: what breaks the jobs of a version raises its first number; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.mend import rewrite
from neurocaas_ci.validate.parameters import schema_problems
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.versions import breaks, is_compatible, next_version, number

_SHOWN = 3


class IncompatibleChangeIsMajor(Rule):
    """A version that no longer accepts or gives what an older one did has a new first number.

    Incompatible are: a parameter that is gone, narrower, of another type or newly required; an
    output that is no longer promised; a dataset suffix that is gone; a smaller largest dataset.
    Below 1.0.0 the second number says so. People repeat their jobs with the newest compatible version.

    Fix: raise the first number of `version`, or take the change back.
    """

    id = "NC-B016"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per raised version that promises too much."""
        if context.base is None:
            return
        for blueprint in context.blueprints():
            value = blueprint.value
            old = context.base.blueprint(value.name).value
            if old is None or number(value.version) <= number(old.version):
                continue
            found = list(breaks(old, value))
            if not found or not is_compatible(old.version, value.version):
                continue
            if schema_problems(value.parameters):
                # What an unsound schema asks for is not known.
                continue
            told = "; ".join(lost.message for lost in found[:_SHOWN])
            more = f" (and {len(found) - _SHOWN} more)" if len(found) > _SHOWN else ""
            place = blueprint.document.locate(["version"])
            raised = next_version(old, value)
            yield self.finding(
                place,
                f"{value.version} promises to do what {old.version} does, but {told}{more}",
                f"write `version: {raised}`, or a higher one",
                rewrite(context.head.tree, place, value.version, raised),
            )
