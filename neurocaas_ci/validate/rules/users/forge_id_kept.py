"""NC-U004: a user keeps the forge id; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import stem


class ForgeIdKept(Rule):
    """The forge id of a user never changes.

    The number says who may add the user's jobs and spend the user's budget. Another number under
    the same login hands both, and the jobs of the past, to somebody else.

    Fix: restore the number; a new person gets a file and a login of their own.
    """

    id = "NC-U004"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per login whose number is another one than before."""
        if context.base is None:
            return
        for user in context.users():
            before = context.base.user(stem(user.document.path)).value
            if before is not None and before.forge_id != user.value.forge_id:
                place = user.document.locate(["forge_id"])
                yield self.finding(
                    place,
                    f"the forge id of `{before.login}` was {before.forge_id}",
                    f"write `forge_id: {before.forge_id}`",
                )
