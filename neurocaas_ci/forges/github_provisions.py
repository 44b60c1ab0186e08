"""What workflows of a repository on GitHub are given, by name: nobody can read the value of a secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.forges.github_client import Address, connect, translated

_PAGE = 100
_MISSING = 404


class GitHubProvisions:
    """One repository on GitHub, asked for secrets, variables, branches of environments and Pages."""

    def __init__(self, address: Address) -> None:
        self._name = address.repository
        client, _ = connect(address)
        self._requester = client.requester

    def secrets(self, environment: str | None) -> frozenset[str]:
        """Return the names of the secrets of an environment, or of the repository."""
        path = f"{_place(environment)}/secrets" if environment else "/actions/secrets"
        found = self._all(path, "secrets", "reading the names of secrets")
        return frozenset(item["name"] for item in found)

    def variables(self) -> Mapping[str, str]:
        """Return the variables of the repository."""
        found = self._all("/actions/variables", "variables", "reading the variables")
        return {item["name"]: item["value"] for item in found}

    def branches(self, environment: str) -> frozenset[str]:
        """Return the patterns of the branches and tags that were chosen for an environment."""
        found = self._all(
            f"{_place(environment)}/deployment-branch-policies", "branch_policies",
            "reading the branches of an environment",
        )  # fmt: skip
        return frozenset(
            item["name"] if item.get("type", "branch") == "branch" else f"tag {item['name']}"
            for item in found
        )

    def pages(self) -> str | None:
        """Return what the website is made by (`workflow`, `legacy`), or None where there is none."""
        from github import GithubException

        with translated("reading the settings of Pages", self._name):
            try:
                _, data = self._requester.requestJsonAndCheck("GET", f"/repos/{self._name}/pages")
            except GithubException as error:
                if error.status == _MISSING:
                    return None
                raise
        return str(data.get("build_type") or "legacy")

    def _all(self, path: str, key: str, action: str) -> Iterator[dict[str, Any]]:
        """Yield the items of all pages; raise BackendUnavailableError when GitHub leaves some out."""
        seen, page = 0, 1
        while True:
            with translated(action, self._name):
                _, data = self._requester.requestJsonAndCheck(
                    "GET", f"/repos/{self._name}{path}?per_page={_PAGE}&page={page}"
                )
            items = data[key]
            yield from items
            seen, page = seen + len(items), page + 1
            if seen >= data["total_count"]:
                return
            if not items:
                raise BackendUnavailableError(
                    f"{action} failed: GitHub counts {data['total_count']} and lists {seen}",
                    where=self._name,
                    hint="try again",
                )


def _place(environment: str) -> str:
    return f"/environments/{quote(environment, safe='')}"
