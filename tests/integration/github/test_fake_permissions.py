"""What a token may do is what its permissions say, as on GitHub."""

from __future__ import annotations

import pytest

REPO = "/repos/acme/registry"
WRITES = [
    ("contents", "PUT", "/contents/x", {"message": "m", "content": "eA=="}, 201),
    ("contents", "POST", "/git/blobs", {"content": "x"}, 201),
    ("pull_requests", "POST", "/pulls", {"title": "t", "head": "feature", "base": "main"}, 201),
    ("contents", "PUT", "/pulls/1/merge", {}, 200),
    ("issues", "POST", "/issues", {"title": "t"}, 201),
    ("issues", "POST", "/issues/1/comments", {"body": "b"}, 201),
    ("pull_requests", "POST", "/issues/1/comments", {"body": "b"}, 201),
    ("checks", "POST", "/check-runs", {"name": "n", "head_sha": "SHA"}, 201),
    ("statuses", "POST", "/statuses/SHA", {"state": "success"}, 201),
    ("actions", "POST", "/actions/workflows/run.yml/dispatches", {"ref": "main"}, 204),
]
ALL = ("contents", "pull_requests", "issues", "checks", "statuses", "actions")


@pytest.fixture
def opened(hub):
    """A repository with a branch, a pull request and a workflow."""
    repo = hub.create_repository(
        "acme/registry",
        files={"a": "1", ".github/workflows/run.yml": "on: workflow_dispatch\n"},
    )
    repo.commit({"b": "1"}, branch="proposed")
    repo.commit({"c": "1"}, branch="feature")
    return repo


@pytest.mark.parametrize("case", WRITES, ids=lambda case: f"{case[0]}-{case[2]}")
def test_a_write_needs_its_permission(hub, opened, ask, case):
    """Without it the answer is 403, whatever else is granted; with it alone the thing is done."""
    needed, method, path, body, status = case
    opener = hub.token("opener", kind="app", permissions={"pull_requests": "write"})
    pull = {"title": "t", "head": "proposed", "base": "main"}
    assert ask("POST", REPO + "/pulls", opener, json=pull).status_code == 201
    sha = opened.head("feature")
    path = REPO + path.replace("SHA", sha)
    body = {key: value.replace("SHA", sha) for key, value in body.items()}
    others = {name: "write" for name in ALL if name != needed} | {needed: "read"}
    if path.endswith("/comments"):
        # Either of two permissions suffices.
        others |= {"issues": "read", "pull_requests": "read"}
    refused = ask(method, path, hub.token("app", kind="app", permissions=others), json=body)
    assert refused.status_code == 403, refused.text
    assert refused.json()["message"] == "Resource not accessible by integration"
    assert f"{needed}=write" in refused.headers["X-Accepted-GitHub-Permissions"]
    allowed = hub.token("app", kind="app", permissions={needed: "write"})
    done = ask(method, path, allowed, json=body)
    assert done.status_code == status, done.text
    assert hub.violations == []


def test_workflow_files_need_workflows(hub, opened, ask):
    """Putting one, moving a branch to one, and merging one are refused without it."""
    opened.commit({".github/workflows/x.yml": "on: push\n"}, branch="evil")
    token = hub.token("app", kind="app", permissions={"contents": "write", "pull_requests": "write"})  # fmt: skip
    main = opened.head()
    put = {"message": "m", "content": "eA=="}
    pull = {"title": "t", "head": "evil", "base": "main"}
    assert ask("POST", REPO + "/pulls", token, json=pull).status_code == 201
    for method, path, body in (
        ("PUT", "/contents/.github/workflows/y.yml", put),
        ("PATCH", "/git/refs/heads/main", {"sha": opened.head("evil")}),
        ("PUT", "/pulls/1/merge", {}),
    ):
        answer = ask(method, REPO + path, token, json=body)
        assert answer.status_code == 403, path
        assert "without `workflows` permission" in answer.json()["message"]
    assert opened.head() == main


def test_what_is_public_is_read_without_permission(hub, opened, ask):
    """Artifacts are not: they need a token with `actions`."""
    run = opened.add_run("x.yml", "push", opened.head(), artifacts={"report": b"zip"})
    artifact = next(iter(opened.artifacts))
    nothing = hub.token("", kind="GITHUB_TOKEN", permissions={})
    assert ask("GET", f"{REPO}/actions/runs/{run}", nothing).status_code == 200
    path = f"{REPO}/actions/artifacts/{artifact}/zip"
    assert [ask("GET", path, token).status_code for token in (None, nothing)] == [401, 403]


def test_in_a_private_repository_reading_needs_permission(hub, ask):
    """A token that may read issues does not read pull requests."""
    hub.create_repository("acme/secret", private=True, files={"a": "1"})
    token = hub.token("", kind="GITHUB_TOKEN", permissions={"issues": "read"})
    assert ask("GET", "/repos/acme/secret/issues", token).status_code == 200
    assert ask("GET", "/repos/acme/secret/pulls", token).status_code == 403


def test_who_a_token_is(hub, opened, ask):
    """A wrong one is nobody, an App has no account of its own, a person makes no checks."""
    wrong = hub.token("ada")
    wrong.value = "ghp_wrong"
    assert ask("GET", "/user", wrong).json()["message"] == "Bad credentials"
    assert ask("GET", "/user").status_code == 401
    assert ask("GET", "/user", hub.token("app", kind="app")).status_code == 403
    opened.add_collaborator("ada")
    body = {"name": "n", "head_sha": opened.head()}
    answer = ask("POST", REPO + "/check-runs", hub.token("ada"), json=body)
    assert answer.json()["message"] == "You must authenticate via a GitHub App."


def test_a_stranger_may_open_and_comment_and_no_more(hub, opened, ask):
    """Labels of a stranger's issue are not kept; other people's things stay as they are."""
    eve = hub.token("eve")
    issue = ask("POST", REPO + "/issues", eve, json={"title": "t", "labels": ["auto"]})
    assert (issue.status_code, issue.json()["labels"]) == (201, [])
    comment = ask("POST", REPO + "/issues/1/comments", hub.token("ada"), json={"body": "mine"})
    path = f"{REPO}/issues/comments/{comment.json()['id']}"
    assert ask("PATCH", path, eve, json={"body": "hers"}).status_code == 403
    labels = ask("POST", REPO + "/issues/1/labels", eve, json={"labels": ["auto"]})
    pull = {"title": "t", "head": "feature", "base": "main"}
    assert [labels.status_code, ask("POST", REPO + "/pulls", eve, json=pull).status_code] == [404] * 2  # fmt: skip


def test_only_its_app_changes_a_check(hub, opened, ask):
    """Another App with the same permission is refused; the check tells which App made it."""
    one, other = (hub.token(n, kind="app", app_id=i, permissions={"checks": "write"})
                  for n, i in (("one", 11), ("other", 12)))  # fmt: skip
    body = {"name": "n", "head_sha": opened.head()}
    made = ask("POST", REPO + "/check-runs", one, json=body).json()
    assert made["app"]["id"] == 11
    path = f"{REPO}/check-runs/{made['id']}"
    assert ask("PATCH", path, other, json={"conclusion": "success"}).status_code == 403
    assert ask("PATCH", path, one, json={"conclusion": "success"}).status_code == 200
