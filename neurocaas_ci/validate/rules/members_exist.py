"""NC-U001: groups and users agree; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.mend import listed
from neurocaas_ci.validate.rule import Rule


class MembersExist(Rule):
    """A group lists users that exist, and a user lists exactly the groups that list the user.

    Both files are read on their own; if they disagree, one of them spends money it should not.

    Fix: make `members` of the group and `groups` of the user agree.
    """

    id = "NC-U001"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per unknown name and per one-sided membership."""
        head = context.head
        logins, names = head.users(), head.groups()
        for group in context.groups():
            name = group.value.name
            for index, login in enumerate(group.value.members):
                place = ("members", index)
                yield from self.missing(group.document, place, login, logins, "user")
                user = head.user(login)
                if user.value is not None and name not in user.value.groups:
                    yield self.finding(
                        group.document.locate(place),
                        f"`{login}` does not list the group `{name}`",
                        f"add it to `groups` in registry/users/{login}.yaml",
                        listed(head.tree, user.document, "groups", name),
                    )
        for person in context.users():
            login = person.value.login
            for index, name in enumerate(person.value.groups):
                place = ("groups", index)
                yield from self.missing(person.document, place, name, names, "group")
                team = head.group(name)
                if team.value is not None and login not in team.value.members:
                    yield self.finding(
                        person.document.locate(place),
                        f"the group `{name}` does not list `{login}`",
                        f"add the login to `members` in registry/groups/{name}.yaml",
                        listed(head.tree, team.document, "members", login),
                    )
