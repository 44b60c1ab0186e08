"""NC-J003: the user and the group of a job; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class JobUserExists(Rule):
    """The user of a job is in the registry, and belongs to the group that pays.

    Fix: correct the name, or ask a member of the group to add the user.
    """

    id = "NC-J003"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per unknown user or group, and per outsider."""
        users, groups = context.head.users(), context.head.groups()
        for job in context.jobs():
            value, document = job.value, job.document
            yield from self.missing(document, ["user"], value.user, users, "user")
            if value.group is None:
                continue
            yield from self.missing(document, ["group"], value.group, groups, "group")
            group = context.head.group(value.group).value
            if group is not None and value.user not in group.members:
                yield self.finding(
                    document.locate(["group"]),
                    f"`{value.user}` is not a member of the group `{value.group}`",
                    f"use one of your groups, or be added to registry/groups/{value.group}.yaml",
                )
