"""NC-U002: a forge id belongs to one user; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.registry import User
from neurocaas_ci.validate.context import Context, Valid
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import looks_at_all, stem


class ForgeIdsUnique(Rule):
    """A numeric forge id belongs to one user.

    A login can be given up and taken by somebody else, the number cannot. It says who acts.

    Fix: correct the number; the forge shows it in the profile's data.
    """

    id = "NC-U002"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per number that another user has."""
        judged = [user for user in context.users() if _may_clash(context, user)]
        if not judged:
            return
        owners: dict[int, list[str]] = {}
        for login in context.head.users():
            other = context.head.user(login).value
            if other is not None:
                owners.setdefault(other.forge_id, []).append(login)
        for user in judged:
            value = user.value
            name = stem(user.document.path)
            others = [login for login in owners[value.forge_id] if login != name]
            # Of two new ones the first by name keeps the number.
            if others and (_is_old(context, others, value.forge_id) or others[0] < name):
                yield self.finding(
                    user.document.locate(["forge_id"]),
                    f"the forge id {value.forge_id} is that of `{others[0]}`",
                    "write the user's own number",
                )


def _may_clash(context: Context, user: Valid[User]) -> bool:
    if context.base is None or looks_at_all(context):
        return True
    before = context.base.user(stem(user.document.path)).value
    return before is None or before.forge_id != user.value.forge_id


def _is_old(context: Context, logins: list[str], forge_id: int) -> bool:
    if context.base is None:
        return False
    known = (context.base.user(login).value for login in logins)
    return any(user is not None and user.forge_id == forge_id for user in known)
