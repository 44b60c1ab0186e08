"""When a pull request merges, and when not, as on GitHub; and what does not fit is refused."""

from __future__ import annotations

import pytest

REPO = "/repos/acme/registry"
PULL = {"title": "t", "head": "feature", "base": "main"}


@pytest.fixture
def opened(repo, bot, ask):
    """A repository with a pull request."""
    repo.commit({"b": "1"}, branch="feature")
    assert ask("POST", REPO + "/pulls", bot, json=PULL).status_code == 201
    return repo


@pytest.fixture
def merge(bot, ask):
    return lambda token=bot, **body: ask("PUT", REPO + "/pulls/1/merge", token, json=body)


def test_a_head_that_moved_is_not_merged(opened, merge):
    """The sha has to be the one that was looked at."""
    seen = opened.head("feature")
    moved = opened.commit({"b": "2"}, branch="feature")
    assert merge(sha=seen).status_code == 409
    assert merge(sha=moved).status_code == 200
    assert merge(sha=moved).status_code == 405


def test_a_conflict_is_not_merged(hub, opened, merge, bot, ask):
    """Mergeable is null when the base moved, and then false."""
    opened.commit({"b": "other"})
    read = [ask("GET", REPO + "/pulls/1", bot).json() for _ in range(2)]
    assert [(r["mergeable"], r["mergeable_state"]) for r in read] == [
        (None, "unknown"), (False, "dirty"),
    ]  # fmt: skip
    assert merge().status_code == 405
    assert opened.git.ask("rev-parse", "-q", "--verify", "refs/pull/1/merge") is None


def test_a_draft_is_not_merged(repo, merge, bot, ask):
    repo.commit({"b": "1"}, branch="feature")
    assert ask("POST", REPO + "/pulls", bot, json={**PULL, "draft": True}).json()["draft"]
    assert merge().status_code == 405


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_how_it_is_merged(opened, merge, method):
    """A merge has two parents, a squash one."""
    base, head = opened.head(), opened.head("feature")
    sha = merge(merge_method=method).json()["sha"]
    parents = opened.git.log("-1", sha)[0].parents
    assert parents == ((base, head) if method == "merge" else (base,))
    assert opened.read("b") == b"1"


def test_required_checks_come_from_their_app(hub, opened, merge, bot, ask):
    """A check of that name by another App does not count, nor one that failed."""
    opened.protect("main", checks={"validate": bot.app_id})
    liar = hub.token("liar", kind="app", permissions={"checks": "write"})

    def check(token, conclusion):
        body = {"name": "validate", "head_sha": opened.head("feature"), "conclusion": conclusion}
        assert ask("POST", REPO + "/check-runs", token, json=body).status_code == 201

    check(liar, "success")
    assert "expected" in merge().json()["message"]
    check(bot, "failure")
    assert "failing" in merge().json()["message"]
    check(bot, "success")
    assert merge().status_code == 200


def test_protected_branches_move_by_pull_requests_only(opened, bot, ask):
    opened.protect("main")
    body = {"message": "m", "content": "eA=="}
    assert ask("PUT", REPO + "/contents/x", bot, json=body).status_code == 409
    body = {"sha": opened.head("feature")}
    assert ask("PATCH", REPO + "/git/refs/heads/main", bot, json=body).status_code == 422


def test_a_merge_closes_the_issue_that_it_names(hub, repo, bot, merge, ask):
    """And the events come in their order."""
    ask("POST", REPO + "/issues", bot, json={"title": "form"})
    repo.commit({"b": "1"}, branch="feature")
    ask("POST", REPO + "/pulls", bot, json={**PULL, "body": "Closes #1"})
    hub.events.clear()
    assert ask("PUT", REPO + "/pulls/2/merge", bot, json={}).status_code == 200
    assert [(e.name, e.payload.get("action")) for e in hub.events] == [
        ("pull_request", "closed"), ("push", None), ("issues", "closed"),
    ]  # fmt: skip
    assert ask("GET", REPO + "/issues/1", bot).json()["state"] == "closed"


def test_a_pull_request_whose_branch_is_deleted_is_closed(hub, opened, bot, ask):
    assert ask("DELETE", REPO + "/git/refs/heads/feature", bot).status_code == 204
    got = ask("GET", REPO + "/pulls/1", bot).json()
    assert (got["state"], got["merged"]) == ("closed", False)
    assert hub.violations == []


def test_what_is_there_already_is_not_made_twice(opened, bot, ask):
    """A second pull request of a branch, a second ref, a file without its sha."""
    again = ask("POST", REPO + "/pulls", bot, json=PULL)
    assert "already exists" in again.json()["errors"][0]["message"]
    ref = {"ref": "refs/heads/feature", "sha": opened.head()}
    assert ask("POST", REPO + "/git/refs", bot, json=ref).status_code == 422
    body = {"message": "m", "content": "eA=="}
    assert ask("PUT", REPO + "/contents/readme", bot, json=body).status_code == 422
    answer = ask("PUT", REPO + "/contents/readme", bot, json={**body, "sha": "0" * 40})
    assert answer.status_code == 409
    empty = {**PULL, "head": "main", "base": "feature"}
    assert "No commits" in ask("POST", REPO + "/pulls", bot, json=empty).text


def test_what_is_too_long_is_refused(opened, bot, ask):
    """One character more than GitHub keeps."""
    path, body = REPO + "/issues/1/comments", {"body": "x" * 65536}
    assert ask("POST", path, bot, json=body).status_code == 201
    assert ask("POST", path, bot, json={"body": "x" * 65537}).status_code == 422
    check = {"name": "n", "head_sha": opened.head()}
    for key in ("summary", "text"):
        for size, status in ((65535, 201), (65536, 422)):
            output = {"title": "t", "summary": "s", key: "x" * size}
            answer = ask("POST", REPO + "/check-runs", bot, json={**check, "output": output})
            assert answer.status_code == status


def test_modes_and_strange_names_are_told(hub, repo, bot, ask):
    """Links, modules and names that need quotes come through."""
    other = repo.head()
    repo.commit(
        {"link": ("120000", "a.txt"), "module": ("160000", other), 'q"\n\\': "1", "ü": "1",
         "run.sh": ("100755", "x")},
        branch="feature",
    )  # fmt: skip
    ask("POST", REPO + "/pulls", bot, json=PULL)
    files = ask("GET", REPO + "/pulls/1/files", bot).json()
    assert {f["filename"]: f["status"] for f in files} == dict.fromkeys(
        ("link", "module", 'q"\n\\', "ü", "run.sh"), "added"
    )
    tree = ask("GET", f"{REPO}/git/trees/{repo.head('feature')}", bot).json()["tree"]
    modes = {e["path"]: e["mode"] for e in tree}
    assert (modes["link"], modes["module"], modes["run.sh"]) == ("120000", "160000", "100755")
    assert hub.violations == []


def test_strange_branches_and_labels(hub, opened, bot, ask, client):
    """Their names are quoted in addresses, and found by them."""
    registry = client(bot).get_repo("acme/registry")
    opened.commit({"c": "1"}, branch="ü/$(id)`;'")
    pull = registry.create_pull(base="main", head="ü/$(id)`;'", title="$(id)", body="")
    assert pull.head.ref == "ü/$(id)`;'"
    assert registry.get_git_ref("heads/ü/$(id)`;'").object.sha == pull.head.sha
    pull.add_to_labels("needs a look/ü %")
    assert registry.get_label("needs a look/ü %").name == "needs a look/ü %"
    pull.remove_from_labels("needs a look/ü %")
    assert not list(registry.get_pull(2).get_labels())
    assert hub.violations == []


@pytest.mark.slow
def test_only_three_thousand_files_are_listed(hub, repo, bot, client):
    """But how many there really are is told."""
    repo.commit({f"d{n % 50}/f{n}": str(n) for n in range(3050)}, branch="feature")
    registry = client(bot, per_page=100).get_repo("acme/registry")
    pull = registry.create_pull(base="main", head="feature", title="t", body="")
    assert pull.changed_files == 3050
    assert len(list(pull.get_files())) == 3000
    assert hub.violations == []
