"""NC-J005: the user may use the blueprint; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.registry import Job
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class JobMayUseBlueprint(Rule):
    """The user of a job may use the blueprint.

    While it is developed, only its maintainers may; while it is invited, also the members of the
    groups that it lists. A group that lists blueprints pays for these only.

    Fix: ask a maintainer of the blueprint or of the group.
    """

    id = "NC-J005"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per job on a closed blueprint."""
        for job in context.jobs():
            blueprint = context.blueprint_of(job.value)
            if blueprint is None:
                continue
            place = job.document.locate(["blueprint"])
            if not _invited(context, job.value, blueprint):
                yield self.finding(
                    place,
                    f"{blueprint.name} is not open to `{job.value.user}` "
                    f"(its stage is {blueprint.stage})",
                    f"ask its maintainers: {', '.join(blueprint.maintainers)}",
                )
            group = context.head.group(job.value.group).value if job.value.group else None
            if group is not None and group.blueprints and blueprint.name not in group.blueprints:
                yield self.finding(
                    place,
                    f"the group `{group.name}` does not pay for {blueprint.name}",
                    f"it pays for: {', '.join(group.blueprints)}",
                )


def _invited(context: Context, job: Job, blueprint: Blueprint) -> bool:
    if blueprint.stage == "open" or job.user in blueprint.maintainers:
        return True
    if blueprint.stage == "develop":
        return False
    groups = (context.head.group(name).value for name in blueprint.groups)
    return any(group is not None and job.user in group.members for group in groups)
