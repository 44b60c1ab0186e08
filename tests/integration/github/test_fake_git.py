"""Real git clones from the fake and pushes to it; the rules of GitHub hold."""

from __future__ import annotations

import base64
import random
import subprocess

import pytest

WRITE = {"contents": "write", "pull_requests": "write"}


@pytest.fixture
def git(repo, tmp_path):
    """Return a function that runs git in a clone, with a token in a header or in the address."""
    clone = tmp_path / "clone"
    env = {**repo.git.environment, "GIT_TERMINAL_PROMPT": "0"}
    for who in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{who}_NAME": "ada", f"GIT_{who}_EMAIL": "ada@example.org"}

    def run(*arguments, token=None, kind="basic", fails=False):
        header = []
        if token is not None:
            secret = base64.b64encode(f"x-access-token:{token.value}".encode()).decode()
            value = f"basic {secret}" if kind == "basic" else f"bearer {token.value}"
            header = ["-c", f"http.extraHeader=Authorization: {value}"]
        done = subprocess.run(
            ["git", *header, *arguments], cwd=clone, env=env, capture_output=True, text=True,
            check=False, timeout=30,
        )  # fmt: skip
        assert (done.returncode != 0) == fails, done.stderr
        return done.stderr if fails else done.stdout.strip()

    def commit(files):
        for path, text in files.items():
            (clone / path).parent.mkdir(parents=True, exist_ok=True)
            (clone / path).write_text(text)
        run("add", "-A")
        run("commit", "-q", "-m", "change")
        return run("rev-parse", "HEAD")

    run.commit = commit
    clone.mkdir()
    run("clone", "-q", repo.clone_url, ".")
    return run


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_a_push_makes_an_event(hub, repo, git, kind):
    """The branch moves, and the event says by whom, from where and what."""
    before, after = repo.head(), git.commit({"new": "x"})
    git("push", "-q", "origin", "HEAD:main", token=hub.token("app", kind="app", permissions=WRITE), kind=kind)  # fmt: skip
    assert repo.head() == after
    [(name, payload)] = hub.events
    assert name == "push"
    assert (payload["ref"], payload["before"], payload["after"]) == ("refs/heads/main", before, after)  # fmt: skip
    assert payload["commits"][0]["added"] == ["new"]
    assert payload["sender"]["login"] == "app[bot]"
    assert hub.calls[-1].operation == "smart-http/receive-pack"


def test_a_push_to_a_proposed_branch_brings_the_pull_request_up_to_date(hub, repo, git):
    """There is a synchronize event, and the refs of the pull request follow."""
    ada = hub.token("ada")
    repo.add_collaborator("ada")
    git.commit({"new": "x"})
    git("push", "-q", "origin", "HEAD:feature", token=ada)
    pull = _open(hub, ada, "feature")
    assert pull["mergeable"] is None
    hub.events.clear()
    after = git.commit({"new": "y"})
    git("push", "-q", "origin", "HEAD:feature", token=ada)
    assert [(e.name, e.payload.get("action")) for e in hub.events] == [
        ("push", None), ("pull_request", "synchronize"),
    ]  # fmt: skip
    git("fetch", "-q", "origin", "refs/pull/1/head:one", "refs/pull/1/merge:two")
    assert git("rev-parse", "one") == after
    assert git("rev-list", "--parents", "-1", "two").split()[1:] == [repo.head(), after]


def test_a_fork_proposes(hub, repo, ask):
    """The head is in another repository, and its commits come to be in this one."""
    fork, ada = hub.fork("acme/registry", "ada"), hub.token("ada")
    head = fork.commit({"jobs/a": "1"}, branch="job", user="ada")
    pull = _open(hub, ada, "ada:job")
    assert pull["head"]["repo"]["full_name"] == "ada/registry"
    assert pull["head"]["repo"]["id"] != pull["base"]["repo"]["id"]
    assert repo.git.ask("rev-parse", "refs/pull/1/head") == head
    compared = ask("GET", "/repos/acme/registry/compare/main...ada:job").json()
    assert (compared["status"], [f["filename"] for f in compared["files"]]) == ("ahead", ["jobs/a"])
    hub.events.clear()
    later = fork.commit({"jobs/a": "2"}, branch="job", user="ada")
    assert repo.git.ask("rev-parse", "refs/pull/1/head") == later
    assert [(e.name, e.payload["repository"]["full_name"]) for e in hub.events] == [
        ("push", "ada/registry"), ("pull_request", "acme/registry"),
    ]  # fmt: skip
    assert hub.violations == []


def test_a_large_push_comes_in_pieces(hub, repo, git):
    """Git sends what is large in chunks."""
    git.commit({"large": random.Random(1).randbytes(1_500_000).hex()})
    token = hub.token("app", kind="app", permissions=WRITE)
    git("-c", "http.postBuffer=65536", "push", "-q", "origin", "HEAD:large", token=token)
    assert repo.head("large") == git("rev-parse", "HEAD")
    git("fetch", "-q", "origin", "large")


def test_who_may_not_push(hub, repo, git):
    """No token, one without contents, a stranger, and nobody to refs/pull."""
    git.commit({"new": "x"})
    main = repo.head()
    git("push", "origin", "HEAD:main", fails=True)
    reader = hub.token("app", kind="app", permissions={"contents": "read"})
    assert "403" in git("push", "origin", "HEAD:main", token=reader, fails=True)
    assert "403" in git("push", "origin", "HEAD:main", token=hub.token("eve"), fails=True)
    writer = hub.token("app", kind="app", permissions=WRITE)
    assert "hidden ref" in git("push", "origin", "HEAD:refs/pull/1/head", token=writer, fails=True)
    assert repo.head() == main
    assert hub.events == []


def test_workflow_files_need_their_own_permission(hub, repo, git):
    """A push that changes one is refused without `workflows`, and taken with it."""
    git.commit({".github/workflows/x.yml": "on: push\n"})
    without = hub.token("app", kind="app", permissions=WRITE)
    told = git("push", "origin", "HEAD:feature", token=without, fails=True)
    assert "without `workflows` permission" in told
    both = hub.token("app", kind="app", permissions={**WRITE, "workflows": "write"})
    git("push", "-q", "origin", "HEAD:feature", token=both)
    # What is there already may be pushed again, and changed elsewhere.
    git.commit({"other": "x"})
    git("push", "-q", "origin", "HEAD:feature", token=without)


def test_a_protected_branch_is_not_pushed_to(hub, repo, git):
    """Only who may bypass the rules pushes; other branches are free."""
    repo.protect("main", bypass=["chief[bot]"])
    git.commit({"new": "x"})
    plain = hub.token("app", kind="app", permissions=WRITE)
    assert "GH006" in git("push", "origin", "HEAD:main", token=plain, fails=True)
    git("push", "-q", "origin", "HEAD:feature", token=plain)
    chief = hub.token("chief", kind="app", permissions=WRITE)
    git("push", "-q", "origin", "HEAD:main", token=chief)


def test_github_token_starts_nothing(hub, repo, git, ask):
    """What GITHUB_TOKEN does makes no events; a dispatch does."""
    repo.commit({".github/workflows/run.yml": "on: workflow_dispatch\n"})
    token = hub.token("", kind="GITHUB_TOKEN", permissions={**WRITE, "actions": "write"})
    git("pull", "-q")
    git.commit({"new": "x"})
    git("push", "-q", "origin", "HEAD:main", token=token)
    assert hub.events == []
    path = "/repos/acme/registry/actions/workflows/run.yml/dispatches"
    assert ask("POST", path, token, json={"ref": "main", "inputs": {"a": "b"}}).status_code == 204
    [(name, payload)] = hub.events
    assert (name, payload["inputs"]) == ("workflow_dispatch", {"a": "b"})


def test_a_private_repository_is_not_there_for_strangers(hub, ask):
    """Neither for git nor for the API."""
    private = hub.create_repository("acme/secret", private=True, files={"a": "1"})
    known = hub.token("app", kind="app", permissions={"contents": "read"})
    other = hub.token("app", kind="app", permissions=WRITE, repositories=["acme/registry"])
    path = "/repos/acme/secret"
    assert [ask("GET", path, t).status_code for t in (None, hub.token("eve"), other, known)] == [
        404, 404, 404, 200,
    ]  # fmt: skip
    address = f"{private.clone_url}/info/refs?service=git-upload-pack"
    assert [ask("GET", address, t).status_code for t in (None, other, known)] == [401, 404, 200]


def _open(hub, token, head):
    import github

    with github.Github(base_url=hub.base, auth=github.Auth.Token(token.value), retry=None) as one:
        made = one.get_repo("acme/registry").create_pull(base="main", head=head, title="t", body="")
        return made.raw_data
