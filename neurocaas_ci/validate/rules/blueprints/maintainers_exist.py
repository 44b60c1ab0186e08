"""NC-B001: maintainers are users; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class MaintainersExist(Rule):
    """Every maintainer of a blueprint is a user of the registry.

    Somebody has to answer for an analysis, and only a user can approve its changes.

    Fix: correct the login, or add `registry/users/<login>.yaml`.
    """

    id = "NC-B001"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per unknown login."""
        known = context.head.users()
        for blueprint in context.blueprints():
            for index, login in enumerate(blueprint.value.maintainers):
                place = ("maintainers", index)
                yield from self.missing(blueprint.document, place, login, known, "user")
