"""NC-U005: maintainers of the platform are users; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import touches


class PolicyMaintainersExist(Rule):
    """Every maintainer that the policy names is a user of the registry.

    Who approves is known by the number in the user's file; a maintainer without one can approve
    nothing, and whoever takes the login could.

    Fix: correct the login, or add `registry/users/<login>.yaml`.
    """

    id = "NC-U005"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per unknown login."""
        policy = context.head.policy()
        if policy.value is None or not touches(context, "registry/policy.yaml", "registry/users"):
            return
        known = context.head.users()
        for index, login in enumerate(policy.value.maintainers):
            place = ("maintainers", index)
            yield from self.missing(policy.document, place, login, known, "user")
