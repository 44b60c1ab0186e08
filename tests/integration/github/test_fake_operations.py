"""Every operation of the fake is asked for, and each answer is what GitHub describes."""

from __future__ import annotations

import base64
from types import SimpleNamespace

from fake import apps
from fake.calls import OPERATIONS

ALL = dict.fromkeys(
    ("contents", "pull_requests", "issues", "checks", "statuses", "actions", "administration",
     "workflows"), "write",
)  # fmt: skip
WORKFLOW = ".github/workflows/run.yml"


def test_every_operation_answers_as_described(hub, ask):
    """Requests and answers have no violation, and no operation is left out."""
    repo = hub.create_repository(
        "acme/registry",
        files={"readme": "one\n", "data/a": "a\n", WORKFLOW: "on: workflow_dispatch\n"},
    )
    repo.commit({"new": "new\n"}, branch="feature")
    app = hub.token("neurocaas", kind="app", permissions=ALL)
    ada = hub.token("ada", 4242)
    root = "/repos/acme/registry"

    def good(method, path, body=None, *, token=app, status=200):
        path = root + path.removeprefix("~") if path.startswith("~") else path
        answer = ask(method, path, token, **({} if body is None else {"json": body}))
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    _accounts(good, ada)
    _app(good, hub)
    _settings(good, repo, ada)
    _git(good, repo.head())
    feature = _contents(good, repo)
    _pulls(good, feature)
    _issues(good, ada)
    _checks(good, feature)
    _actions(good, repo)
    _merged(good, feature)
    _rules(good, repo, app)
    assert hub.violations == []
    # Those of a website need the identity of a workflow: test_pages.py asks for them.
    website = {name for name in OPERATIONS if name.endswith("-pages-deployment")}
    assert len(website) == 3
    assert {call.operation for call in hub.calls} == OPERATIONS.keys() - website


def _accounts(good, ada):
    good("GET", "/")
    good("GET", "/rate_limit")
    assert good("GET", "/user", token=ada)["id"] == 4242
    assert good("GET", "/users/ada")["login"] == "ada"
    assert good("GET", "/user/4242")["login"] == "ada"


def _app(good, hub):
    own = hub.app("helper", {"contents": "write"})
    proof = SimpleNamespace(value=apps.proof(own))
    assert good("GET", "/app", token=proof)["slug"] == "helper"
    place = good("GET", "~/installation", token=proof)["id"]
    made = good("POST", f"/app/installations/{place}/access_tokens", token=proof, status=201)
    assert hub.tokens[made["token"]].permissions == {"contents": "write"}


def _settings(good, repo, ada):
    repo.add_environment(
        "production", reviewers=["ada"], protected=True, branches=["main"], secrets=["KEY"]
    )
    repo.secrets.add("OTHER")
    repo.variables["PLACE"] = "here"
    repo.pages.enabled = True
    main = repo.head()
    assert good("GET", "~")["full_name"] == "acme/registry"
    assert [b["name"] for b in good("GET", "~/branches")] == ["feature", "main"]
    assert good("GET", "~/branches/main")["commit"]["sha"] == main
    assert good("GET", "~/environments")["total_count"] == 1
    good("GET", "~/environments/production")
    here = "~/environments/production"
    assert good("GET", f"{here}/secrets", token=ada)["secrets"][0]["name"] == "KEY"
    policies = good("GET", f"{here}/deployment-branch-policies")["branch_policies"]
    assert [policy["name"] for policy in policies] == ["main"]
    assert good("GET", "~/actions/secrets", token=ada)["secrets"][0]["name"] == "OTHER"
    assert good("GET", "~/actions/variables", token=ada)["variables"][0]["value"] == "here"
    assert good("GET", "~/pages", token=ada)["build_type"] == "workflow"
    good("GET", "~/actions/permissions")
    good("GET", "~/actions/permissions/workflow")
    good("GET", "~/collaborators/ada/permission")


def _git(good, main):
    blob = good("POST", "~/git/blobs", {"content": "x\n"}, status=201)["sha"]
    assert base64.b64decode(good("GET", f"~/git/blobs/{blob}")["content"]) == b"x\n"
    entries = [
        {"path": "x", "mode": "100644", "type": "blob", "sha": blob},
        {"path": "data/a", "mode": "100644", "type": "blob", "sha": None},
    ]
    body = {"base_tree": main, "tree": entries}
    tree = good("POST", "~/git/trees", body, status=201)["sha"]
    listed = good("GET", f"~/git/trees/{tree}?recursive=1")["tree"]
    assert {e["path"] for e in listed if e["type"] == "blob"} == {"readme", "x", WORKFLOW}
    body = {"message": "made", "tree": tree, "parents": [main]}
    made = good("POST", "~/git/commits", body, status=201)["sha"]
    assert good("GET", f"~/git/commits/{made}")["parents"][0]["sha"] == main
    body = {"ref": "refs/heads/bot/one", "sha": made}
    good("POST", "~/git/refs", body, status=201)
    assert good("GET", "~/git/ref/heads/bot/one")["object"]["sha"] == made
    assert len(good("GET", "~/git/matching-refs/heads/bot")) == 1
    good("PATCH", "~/git/refs/heads/bot/one", {"sha": main, "force": True})
    good("DELETE", "~/git/refs/heads/bot/one", status=204)


def _contents(good, repo):
    body = {"message": "put", "content": base64.b64encode(b"y").decode(), "branch": "feature"}
    put = good("PUT", "~/contents/deep/y", body, status=201)
    good("PUT", "~/contents/deep/y", {**body, "sha": put["content"]["sha"]})
    assert good("GET", "~/contents/deep/y?ref=feature")["encoding"] == "base64"
    assert [e["name"] for e in good("GET", "~/contents/data")] == ["a"]
    feature = repo.head("feature")
    assert good("GET", f"~/commits/{feature}")["sha"] == feature
    assert len(good("GET", "~/commits?sha=feature")) == 4
    assert good("GET", "~/compare/main...feature")["ahead_by"] == 3
    return feature


def _pulls(good, feature):
    body = {"title": "new", "head": "feature", "base": "main"}
    assert good("POST", "~/pulls", body, status=201)["number"] == 1
    assert len(good("GET", "~/pulls")) == 1
    good("GET", "~/pulls/1")
    assert good("PATCH", "~/pulls/1", {"title": "newer"})["title"] == "newer"
    assert len(good("GET", "~/pulls/1/files")) == 2
    assert len(good("GET", "~/pulls/1/commits")) == 3
    good("GET", "~/pulls/1/merge", status=404)
    assert len(good("GET", f"~/commits/{feature}/pulls")) == 1


def _issues(good, ada):
    assert good("POST", "~/issues", {"title": "form"}, token=ada, status=201)["number"] == 2
    assert len(good("GET", "~/issues?state=all")) == 2
    good("GET", "~/issues/2")
    good("PATCH", "~/issues/2", {"body": "more", "state": "closed"})
    good("PUT", "~/issues/2/lock", {"lock_reason": "resolved"}, status=204)
    good("DELETE", "~/issues/2/lock", status=204)
    comment = good("POST", "~/issues/1/comments", {"body": "hello"}, status=201)["id"]
    good("GET", f"~/issues/comments/{comment}")
    good("PATCH", f"~/issues/comments/{comment}", {"body": "again"})
    assert len(good("GET", "~/issues/1/comments")) == 1
    good("DELETE", f"~/issues/comments/{comment}", status=204)
    good("POST", "~/labels", {"name": "auto", "color": "00ff00"}, status=201)
    assert good("GET", "~/labels/auto")["color"] == "00ff00"
    assert len(good("POST", "~/issues/1/labels", {"labels": ["auto", "more"]})) == 2
    assert len(good("GET", "~/issues/1/labels")) == 2
    assert len(good("DELETE", "~/issues/1/labels/more")) == 1
    assert len(good("PUT", "~/issues/1/labels", {"labels": ["other"]})) == 1
    assert len(good("GET", "~/labels")) == 3


def _checks(good, feature):
    good("POST", f"~/statuses/{feature}", {"state": "success", "context": "ci"}, status=201)
    assert good("GET", f"~/commits/{feature}/status")["state"] == "success"
    assert len(good("GET", f"~/commits/{feature}/statuses")) == 1
    body = {"name": "validate", "head_sha": feature, "status": "queued"}
    check = good("POST", "~/check-runs", body, status=201)["id"]
    good("PATCH", f"~/check-runs/{check}", {"conclusion": "success"})
    assert good("GET", f"~/check-runs/{check}")["status"] == "completed"
    assert good("GET", f"~/commits/{feature}/check-runs")["total_count"] == 1


def _actions(good, repo):
    main = repo.head()
    run = repo.add_run(WORKFLOW, "push", main, "completed", "success", {"report": b"zip"})
    artifact = next(iter(repo.artifacts))
    assert good("GET", "~/actions/workflows")["total_count"] == 1
    workflow = good("GET", "~/actions/workflows/run.yml")["id"]
    assert good("GET", f"~/actions/workflows/{workflow}/runs")["total_count"] == 1
    assert good("GET", "~/actions/runs?status=success")["total_count"] == 1
    assert good("GET", f"~/actions/runs/{run}")["head_sha"] == main
    assert good("GET", f"~/actions/runs/{run}/artifacts")["artifacts"][0]["id"] == artifact
    good("GET", f"~/actions/artifacts/{artifact}")
    good("GET", f"~/actions/artifacts/{artifact}/zip", status=302)
    body = {"ref": "main", "inputs": {"job": "x"}}
    good("POST", "~/actions/workflows/run.yml/dispatches", body, status=204)


def _merged(good, feature):
    good("PUT", "~/pulls/1/merge", {"sha": feature, "merge_method": "squash"})
    good("GET", "~/pulls/1/merge", status=204)


def _rules(good, repo, app):
    repo.protect("main", checks={"validate": app.app_id}, bypass=["neurocaas[bot]"])
    rules = {rule["type"] for rule in good("GET", "~/rules/branches/main")}
    assert {"pull_request", "required_status_checks"} <= rules
    ruleset = good("GET", "~/rulesets")[0]["id"]
    assert good("GET", f"~/rulesets/{ruleset}")["enforcement"] == "active"
    repo.protect("main", checks={"validate": None}, classic=True)
    good("GET", "~/branches/main/protection")


def test_what_the_fake_does_not_know_is_no_canned_answer(hub, ask):
    """An operation of GitHub that is not implemented is 501, what GitHub has not is 404."""
    assert ask("GET", "/emojis").status_code == 501
    assert ask("GET", "/no/such/thing").status_code == 404
    assert [call.operation for call in hub.calls] == ["emojis/get", ""]


def test_a_request_that_is_not_as_described_is_noted(hub, repo, bot, ask):
    """It is refused, and the test can see it."""
    answer = ask("POST", "/repos/acme/registry/pulls", bot, json={"head": "feature"})
    assert answer.status_code == 422
    assert [(v.what, v.operation) for v in hub.violations] == [("request", "pulls/create")]


def test_an_answer_that_is_not_as_described_is_noted(hub, repo, bot, ask):
    """The fake's own mistakes are seen too."""
    repo.actions["default_workflow_permissions"] = "everything"
    admin = hub.token("admin", kind="app", permissions=ALL)
    ask("GET", "/repos/acme/registry/actions/permissions/workflow", admin)
    assert [v.what for v in hub.violations] == ["response"]


def test_lists_have_pages(hub, repo, bot, ask, client):
    """The Link header leads through all pages, and its addresses are those of the fake."""
    for number in range(5):
        repo.commit({"n": str(number)}, branch="more")
    answer = ask("GET", "/repos/acme/registry/commits?sha=more&per_page=2&page=2", bot)
    assert set(answer.links) == {"next", "last", "prev", "first"}
    assert answer.links["next"]["url"].startswith(hub.base + "/repos/acme/registry/commits?")
    found = client(bot, per_page=2).get_repo("acme/registry").get_commits(sha="more")
    assert len(list(found)) == 6


def test_what_did_not_change_is_not_sent_again(repo, bot, ask):
    """An answer has an ETag, and 304 follows."""
    first = ask("GET", "/repos/acme/registry", bot)
    again = ask("GET", "/repos/acme/registry", bot, headers={"If-None-Match": first.headers["ETag"]})  # fmt: skip
    assert (again.status_code, again.content) == (304, b"")


def test_an_event_that_is_not_as_described_is_noted(hub, repo):
    """What webhooks deliver is described by GitHub too."""
    hub.emit("push", repo, None, ref="refs/heads/main")
    hub.emit("issues", repo, None, action="exploded")
    assert [(v.what, v.operation) for v in hub.violations] == [("event", "push"), ("event", "issues")]  # fmt: skip


def test_a_mistake_of_the_fake_is_noted(hub, repo, bot, ask):
    """It is an error, and not a connection that breaks."""
    repo.collaborators = None
    assert ask("GET", "/repos/acme/registry", bot).status_code == 500
    assert [v.what for v in hub.violations] == ["mistake"]
