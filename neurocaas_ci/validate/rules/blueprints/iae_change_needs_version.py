"""NC-B015: a changed environment needs a new version; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.mend import rewrite
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.versions import next_version


class IaeChangeNeedsVersion(Rule):
    """A blueprint whose environment changed has a new version.

    The version pins the environment by its commit: other bytes in the image are another analysis.

    Fix: raise `version` of every blueprint that uses the environment.
    """

    id = "NC-B015"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per step whose locked image differs under the same version."""
        if context.base is None:
            return
        for blueprint in context.blueprints():
            value = blueprint.value
            old = context.base.blueprint(value.name).value
            if old is None or old.version != value.version:
                continue
            for index, step in enumerate(value.steps):
                before = context.base.iae_lock(step.iae).value
                after = context.head.iae_lock(step.iae).value
                if before is not None and (after is None or after.image != before.image):
                    place = blueprint.document.locate(["version"])
                    raised = next_version(old, value)
                    yield self.finding(
                        place,
                        f"the environment `{step.iae}` of step {index + 1} has changed since "
                        f"version {old.version} was published",
                        f"write `version: {raised}`, or a higher one",
                        rewrite(context.head.tree, place, value.version, raised),
                    )
