"""Settings of a repository on GitHub behind the `Settings` port."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import quote

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.forges.github_client import Address, connect, translated
from neurocaas_ci.forges.hosted import ActionsSettings, Environment, RepositorySettings

# What the protection of a branch, which is older than rulesets, says by other names.
_PROTECTION = {
    "required_pull_request_reviews": "pull_request",
    "required_status_checks": "required_status_checks",
}
_FORBIDDEN_BY_PROTECTION = {"allow_force_pushes": "non_fast_forward", "allow_deletions": "deletion"}
_ABSENT = {403, 404}


class GitHubSettings:
    """One repository on GitHub, asked for its settings."""

    def __init__(self, address: Address) -> None:
        self._name = address.repository
        client, _ = connect(address)
        self._requester = client.requester

    def repository(self) -> RepositorySettings:
        """Return what everybody with a token may know."""
        data, _ = self._get("", "reading the repository")
        rights = data.get("permissions") or {}
        return RepositorySettings(
            data["full_name"],
            data["default_branch"],
            frozenset(right for right, granted in rights.items() if granted),
        )

    def rules(self, branch: str) -> frozenset[str]:
        """Return the kinds of rules that hold for a branch, of rulesets and of its protection."""
        path = quote(branch, safe="")
        data, _ = self._get(f"/rules/branches/{path}?per_page=100", "reading the rules")
        return frozenset(rule["type"] for rule in data) | self._protection(path)

    def environments(self) -> tuple[Environment, ...]:
        """Return the environments."""
        data, _ = self._get("/environments?per_page=100", "reading the environments")
        return tuple(_environment(item) for item in data.get("environments", ()))

    def actions(self) -> ActionsSettings:
        """Return what workflows may do."""
        data, _ = self._get("/actions/permissions/workflow", "reading the settings of Actions")
        return ActionsSettings(
            "read" if data["default_workflow_permissions"] == "read" else "write",
            bool(data["can_approve_pull_request_reviews"]),
        )

    def clock(self) -> float:
        """Return GitHub's Unix time, as the header of an answer has it."""
        _, headers = self._get("", "asking for the time")
        try:
            return parsedate_to_datetime(headers["date"]).timestamp()
        except (KeyError, ValueError) as error:
            raise BackendUnavailableError(
                "the forge does not say what time it is", where=self._name
            ) from error

    def _protection(self, branch: str) -> frozenset[str]:
        from github import GithubException

        with translated("reading the protection", self._name):
            try:
                _, data = self._requester.requestJsonAndCheck(
                    "GET", f"/repos/{self._name}/branches/{branch}/protection"
                )
            except GithubException as error:
                # Only administrators may see it, and a branch may have none.
                if error.status in _ABSENT:
                    return frozenset()
                raise
        found = {rule for key, rule in _PROTECTION.items() if data.get(key)}
        found |= {
            rule
            for key, rule in _FORBIDDEN_BY_PROTECTION.items()
            if not (data.get(key) or {}).get("enabled")
        }
        return frozenset(found)

    def _get(self, path: str, action: str) -> tuple[Any, dict[str, Any]]:
        with translated(action, self._name):
            headers, data = self._requester.requestJsonAndCheck("GET", f"/repos/{self._name}{path}")
            return data, headers


def _environment(data: dict[str, Any]) -> Environment:
    policy = data.get("deployment_branch_policy")
    branches: Literal["all", "protected", "chosen"] = "all"
    if policy:
        branches = "protected" if policy.get("protected_branches") else "chosen"
    kinds = {rule.get("type") for rule in data.get("protection_rules") or ()}
    return Environment(str(data["name"]), "required_reviewers" in kinds, branches)
