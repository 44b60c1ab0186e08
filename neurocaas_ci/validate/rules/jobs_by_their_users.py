"""NC-O001: a job is added and cancelled by its user; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.actor import Actor
from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.registry import Registry
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule

_FOLDER = "registry/jobs/"


class JobsByTheirUsers(Rule):
    """Only a user adds, changes or cancels the jobs in the folder of the same login.

    Who acts is known by the forge's number, looked up in the user files as they are before the
    change: a change cannot give itself another identity. Of a renamed job both names count.

    Fix: submit the job under your own login; a new user's file is merged before the first job.
    """

    id = "NC-O001"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per job of somebody else."""
        if context.author is None or context.base is None:
            return
        owners: dict[str, str | None] = {}
        for change in context.changes or ():
            for path in (change.old_path, change.path):
                if path is None or not path.startswith(_FOLDER):
                    continue
                login = path.removeprefix(_FOLDER).partition("/")[0]
                if login not in owners:
                    owners[login] = _objection(context.base, context.author, login)
                if owners[login] is not None:
                    yield self.finding(
                        Location(path),
                        f"the job is one of `{login}`, but {owners[login]}",
                        "submit it under your own login; if you have none, have "
                        "registry/users/<login>.yaml merged first",
                    )


def _objection(base: Registry, author: Actor, login: str) -> str | None:
    owner = base.user(login).value
    if owner is not None and owner.forge_id == author.forge_id:
        return None
    if owner is None and base.user(login).exists:
        return "the user's file cannot be read before this change"
    # Only for the message: who the author is, when not the owner.
    for name in base.users():
        user = base.user(name).value
        if user is not None and user.forge_id == author.forge_id:
            return f"the author is `{user.login}`"
    return f"the author (forge id {author.forge_id}) is no user before this change"
