"""What workflows are given: names of secrets, variables, the branches of environments, Pages."""

from __future__ import annotations

from typing import Any

from fake.calls import Call, Listing, Refused, operation

_WHEN = {"created_at": "2026-11-01T00:00:00Z", "updated_at": "2026-11-01T00:00:00Z"}


@operation("actions/list-repo-secrets", "secrets", secret=True)
def secrets(call: Call) -> Any:
    return Listing(sorted(call.repo.secrets), lambda name: {"name": name, **_WHEN}, "secrets")


@operation("actions/list-environment-secrets", "environments", secret=True)
def environment_secrets(call: Call) -> Any:
    names = _environment(call)["secrets"]
    return Listing(sorted(names), lambda name: {"name": name, **_WHEN}, "secrets")


@operation("actions/list-repo-variables", "actions_variables", secret=True)
def variables(call: Call) -> Any:
    kept = call.repo.variables
    return Listing(
        sorted(kept), lambda name: {"name": name, "value": kept[name], **_WHEN}, "variables"
    )


@operation("repos/list-deployment-branch-policies", "actions")
def branches(call: Call) -> Any:
    names = _environment(call)["branches"]
    if names is None:
        raise Refused(404, "Not Found")
    return Listing(
        list(enumerate(names, 1)),
        lambda item: {"id": item[0], "node_id": f"x{item[0]}", "name": item[1], "type": "branch"},
        "branch_policies",
    )


@operation("repos/get-pages", "pages", secret=True)
def pages(call: Call) -> Any:
    if not call.repo.pages.enabled:
        raise Refused(404, "Not Found")
    owner, name = call.repo.full_name.split("/")
    return {
        "url": f"{call.repo.url}/pages", "status": "built", "cname": None, "custom_404": False,
        "html_url": f"https://{owner}.github.io/{name}/", "public": True,
        "build_type": call.repo.pages.build_type,
    }  # fmt: skip


def _environment(call: Call) -> dict[str, Any]:
    found = call.repo.environments.get(call.params["environment_name"])
    if found is None:
        raise Refused(404, "Not Found")
    return found
