"""A repository, its branches, their rules, and the settings that a doctor looks at."""

from __future__ import annotations

from typing import Any

from fake import git_shapes, shapes
from fake.calls import Call, Listing, Refused, operation
from fake.records import Protection


@operation("repos/get")
def get(call: Call) -> Any:
    shape = shapes.repository(call.github, call.repo, call.token)
    if call.repo.owner.kind == "Organization":
        shape["organization"] = shapes.user(call.github, call.repo.owner)
    return shape


@operation("repos/list-branches", "contents")
def branches(call: Call) -> Any:
    refs = call.repo.git.refs()
    names = [ref.removeprefix("refs/heads/") for ref in refs if ref.startswith("refs/heads/")]

    def build(name: str) -> Any:
        sha = refs[f"refs/heads/{name}"]
        return {
            "name": name, "commit": {"sha": sha, "url": f"{call.repo.url}/commits/{sha}"},
            "protected": name in call.repo.protections,
        }  # fmt: skip

    return Listing(names, build)


@operation("repos/get-branch", "contents")
def branch(call: Call) -> Any:
    name = call.params["branch"]
    sha = call.repo.head(name)
    if sha is None:
        raise Refused(404, "Branch not found")
    shape = call.example()
    shape.update(
        name=name, protected=name in call.repo.protections,
        commit=git_shapes.commit(call.github, call.repo, call.repo.git.log("-1", sha)[0]),
    )  # fmt: skip
    return shape


@operation("repos/get-branch-protection", "administration", secret=True)
def protection(call: Call) -> Any:
    rules = call.repo.protections.get(call.params["branch"])
    if rules is None or not rules.classic:
        raise Refused(404, "Branch not protected")
    shape = call.example()
    for key in ("required_pull_request_reviews", "restrictions"):
        shape.pop(key, None)
    checks = shape["required_status_checks"]
    checks["contexts"] = list(rules.checks)
    checks["checks"] = [{"context": name, "app_id": app} for name, app in rules.checks.items()]
    checks.setdefault("strict", True)
    return shape


@operation("repos/get-branch-rules")
def rules_of_branch(call: Call) -> Any:
    rules = call.repo.protections.get(call.params["branch"])
    found = [] if rules is None or rules.classic else _rules(rules)
    source = {"ruleset_source_type": "Repository", "ruleset_source": call.repo.full_name}
    return Listing(
        found, lambda rule: {**rule, **source, "ruleset_id": rules.id if rules else None}
    )


@operation("repos/get-repo-rulesets")
def rulesets(call: Call) -> Any:
    found = [rules for rules in call.repo.protections.values() if not rules.classic]
    return Listing(found, lambda rules: _ruleset(call, rules, short=True))


@operation("repos/get-repo-ruleset")
def ruleset(call: Call) -> Any:
    for rules in call.repo.protections.values():
        if str(rules.id) == call.params["ruleset_id"] and not rules.classic:
            return _ruleset(call, rules, short=False)
    raise Refused(404, "Not Found")


@operation("repos/get-all-environments", "actions")
def environments(call: Call) -> Any:
    return Listing(
        list(call.repo.environments), lambda name: _environment(call, name), "environments"
    )


@operation("repos/get-environment", "actions")
def environment(call: Call) -> Any:
    if call.params["environment_name"] not in call.repo.environments:
        raise Refused(404, "Not Found")
    return _environment(call, call.params["environment_name"])


@operation("actions/get-github-actions-permissions-repository", "administration", secret=True)
def actions(call: Call) -> Any:
    shape = call.example()
    kept = {key: value for key, value in call.repo.actions.items() if key in shape}
    return {**shape, **kept}


@operation("actions/get-github-actions-default-workflow-permissions-repository",
           "administration", secret=True)  # fmt: skip
def default_permissions(call: Call) -> Any:
    keys = ("default_workflow_permissions", "can_approve_pull_request_reviews")
    return {key: call.repo.actions[key] for key in keys}


@operation("repos/get-collaborator-permission-level", "metadata")
def permission(call: Call) -> Any:
    found = call.github.users.get(call.params["username"].lower())
    if found is None:
        raise Refused(404, "Not Found")
    role = call.repo.role(found)
    shape = call.example()
    shape.update(permission=role, role_name=role)
    shape["user"].update(shapes.user(call.github, found), role_name=role)
    return shape


def _rules(rules: Protection) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"type": "deletion"},
        {"type": "non_fast_forward"},
        {"type": "pull_request", "parameters": {
            "required_approving_review_count": rules.approvals, "require_code_owner_review": False,
            "dismiss_stale_reviews_on_push": False, "require_last_push_approval": False,
            "required_review_thread_resolution": False,
        }},
    ]  # fmt: skip
    if rules.checks:
        checks = [
            {"context": name, **({"integration_id": app} if app else {})}
            for name, app in rules.checks.items()
        ]
        found.append({"type": "required_status_checks", "parameters": {
            "strict_required_status_checks_policy": False, "required_status_checks": checks,
        }})  # fmt: skip
    return found


def _ruleset(call: Call, rules: Protection, *, short: bool) -> Any:
    shape = call.github.spec.example("repos/get-repo-ruleset", call.repo.full_name)
    url = f"{call.repo.url}/rulesets/{rules.id}"
    html = f"{call.repo.html_url}/rules/{rules.id}"
    apps = [i for i, user in call.github.apps.items() if user.login in rules.bypass]
    shape.update(
        id=rules.id, name=f"rules of {rules.branch}", source=call.repo.full_name,
        enforcement="active", rules=_rules(rules),
        conditions={"ref_name": {"include": [f"refs/heads/{rules.branch}"], "exclude": []}},
        bypass_actors=[
            {"actor_id": i, "actor_type": "Integration", "bypass_mode": "always"} for i in apps
        ],
        _links={"self": {"href": url}, "html": {"href": html}},
    )  # fmt: skip
    if short:
        for key in ("bypass_actors", "conditions", "rules"):
            shape.pop(key)
    return shape


def _environment(call: Call, name: str) -> Any:
    kept = call.repo.environments[name]
    shape = call.github.spec.example("repos/get-environment", call.repo.full_name)
    rules = [rule for rule in shape["protection_rules"] if rule["type"] == "required_reviewers"]
    for rule in rules:
        rule["reviewers"] = [
            {"type": "User", "reviewer": shapes.user(call.github, call.github.user(login))}
            for login in kept["reviewers"]
        ]
    shape.update(
        id=kept["id"], name=name, url=f"{call.repo.url}/environments/{name}",
        protection_rules=rules if kept["reviewers"] else [],
        deployment_branch_policy={
            "protected_branches": kept["protected"], "custom_branch_policies": not kept["protected"],
        } if kept["protected"] or kept["branches"] is not None else None,
    )  # fmt: skip
    return shape
