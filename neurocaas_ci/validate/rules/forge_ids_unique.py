"""NC-U002: a forge id belongs to one user; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class ForgeIdsUnique(Rule):
    """A numeric forge id belongs to one user.

    A login can be given up and taken by somebody else, the number cannot. It says who acts.

    Fix: correct the number; the forge shows it in the profile's data.
    """

    id = "NC-U002"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per number that an earlier user has."""
        owners: dict[int, str] = {}
        for user in context.users():
            owner = owners.setdefault(user.value.forge_id, user.value.login)
            if owner != user.value.login:
                yield self.finding(
                    user.document.locate(["forge_id"]),
                    f"the forge id {user.value.forge_id} is that of `{owner}`",
                    "write the user's own number",
                )
