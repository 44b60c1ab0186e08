"""Issues on GitHub behind the `Issues` port."""

from __future__ import annotations

from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.github_client import Address, connect, translated
from neurocaas_ci.forges.hosted import Issue


class GitHubIssues:
    """The issues of one repository on GitHub."""

    def __init__(self, address: Address) -> None:
        self.address = address
        _, self.repository = connect(address)

    def issue(self, number: int) -> Issue:
        """Return an issue; raise UsageError when there is none, or when it is a pull request."""
        where = f"{self.address.repository}#{number}"
        with translated("reading the issue", where):
            found = self.repository.get_issue(number)
            if found.raw_data.get("pull_request") is not None:
                raise UsageError(
                    "this is a pull request, not an issue",
                    where=where,
                    hint="forms are filled in under New issue",
                )
            if found.raw_data.get("user") is None:
                raise UsageError(
                    "the issue has no author any more", where=where, hint="close it on GitHub"
                )
            return Issue(
                number=found.number,
                title=found.title,
                body=found.body or "",
                author=found.user.login,
                author_id=found.user.id,
                labels=tuple(label.name for label in found.labels),
                state="closed" if found.state == "closed" else "open",
                created=found.created_at,
            )
