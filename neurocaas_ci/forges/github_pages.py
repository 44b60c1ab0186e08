"""Put an uploaded website onto GitHub Pages, as GitHub's own action for it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.forges.github import GitHub

# GitHub's own action waits as long.
_PATIENCE_SECONDS = 600
_POLL_SECONDS = 5.0
_ENDED_BADLY = {
    "deployment_failed", "deployment_content_failed", "deployment_attempt_error",
    "deployment_lost", "deployment_cancelled",
}  # fmt: skip
_NOT_FOUND = 404


def publish_pages(
    hub: GitHub,
    artifact: int,
    version: str,
    identity: str,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Let an artifact of this run be the website of the repository; return its address.

    `version` names what it was made of. Raise UsageError when Pages are not switched on, or the
    artifact is none, and BackendUnavailableError when GitHub does not get it done in ten minutes.
    """
    from github import GithubException

    place = f"/repos/{hub.address.repository}/pages/deployments"
    body = {"artifact_id": artifact, "pages_build_version": version, "oidc_token": identity}
    with hub.doing("publishing the website", version):
        try:
            made = _ask(hub, "POST", place, body)
        except GithubException as error:
            if error.status != _NOT_FOUND:
                raise
            raise UsageError(
                "GitHub knows no Pages of this repository",
                where=hub.address.repository,
                hint="Settings > Pages > Source: GitHub Actions",
            ) from error
        one = f"{place}/{made.get('id') or str(made['status_url']).rpartition('/')[2]}"
        for _ in range(round(_PATIENCE_SECONDS / _POLL_SECONDS)):
            status = str(_ask(hub, "GET", one).get("status"))
            if status == "succeed":
                return str(made["page_url"])
            if status in _ENDED_BADLY:
                break
            sleep(_POLL_SECONDS)
        else:
            # Else it would be published later, over what came after it.
            _ask(hub, "POST", f"{one}/cancel")
        raise BackendUnavailableError(
            f"the website is not published: {status}",
            where=hub.address.repository,
            hint="run the workflow again; what was published before is still there",
        )


def _ask(hub: GitHub, method: str, path: str, body: Any = None) -> Mapping[str, Any]:
    _, data = hub.repository.requester.requestJsonAndCheck(method, path, input=body)
    return data if isinstance(data, dict) else {}
