"""NC-U001: groups and users agree; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class MembersExist(Rule):
    """A group lists users that exist, and a user lists exactly the groups that list the user.

    Both files are read on their own; if they disagree, one of them spends money it should not.

    Fix: make `members` of the group and `groups` of the user agree.
    """

    id = "NC-U001"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per unknown name and per one-sided membership."""
        users = {user.value.login: user for user in context.users()}
        groups = {group.value.name: group for group in context.groups()}
        logins, names = context.head.users(), context.head.groups()
        for group in groups.values():
            for index, login in enumerate(group.value.members):
                place = ("members", index)
                yield from self.missing(group.document, place, login, logins, "user")
                if login in users and group.value.name not in users[login].value.groups:
                    yield self.finding(
                        group.document.locate(place),
                        f"`{login}` does not list the group `{group.value.name}`",
                        f"add it to `groups` in registry/users/{login}.yaml",
                    )
        for user in users.values():
            for index, name in enumerate(user.value.groups):
                place = ("groups", index)
                yield from self.missing(user.document, place, name, names, "group")
                if name in groups and user.value.login not in groups[name].value.members:
                    yield self.finding(
                        user.document.locate(place),
                        f"the group `{name}` does not list `{user.value.login}`",
                        f"add the login to `members` in registry/groups/{name}.yaml",
                    )
