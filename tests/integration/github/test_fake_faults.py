"""What goes wrong on purpose goes wrong as on GitHub, once, and then no more."""

from __future__ import annotations

import subprocess
import time

import github
import pytest
import requests

REPO = "/repos/acme/registry"


@pytest.fixture
def opened(hub, repo, bot, ask):
    """A repository with a pull request."""
    repo.commit({"b": "1"}, branch="feature")
    body = {"title": "t", "head": "feature", "base": "main"}
    assert ask("POST", REPO + "/pulls", bot, json=body).status_code == 201
    hub.calls.clear()
    return repo


def test_an_error_answers_and_does_nothing(hub, opened, bot, ask):
    """So many times, with these headers, and then the thing works."""
    hub.fail("pulls/merge", status=503, times=2, headers={"Retry-After": "1"})
    answers = [ask("PUT", REPO + "/pulls/1/merge", bot, json={}) for _ in range(2)]
    assert [(a.status_code, a.headers["Retry-After"]) for a in answers] == [(503, "1")] * 2
    assert opened.items[1].closed is None
    assert ask("PUT", REPO + "/pulls/1/merge", bot, json={}).status_code == 200
    assert [call.status for call in hub.calls] == [503, 503, 200]


def test_an_error_of_a_proxy_is_no_json(hub, repo, bot, ask):
    """The body is sent as it is."""
    hub.fail("repos/get", status=502, body="<html>Bad Gateway</html>")
    assert ask("GET", REPO, bot).text == "<html>Bad Gateway</html>"


@pytest.mark.parametrize("status", [403, 429])
def test_the_secondary_limit_is_known_to_pygithub(hub, repo, bot, client, status):
    """PyGithub waits as long as it is told, and then goes on."""
    hub.limit("repos/get", status=status, retry_after=1)
    retry = github.GithubRetry(total=2)
    assert client(bot, retry=retry).get_repo("acme/registry").id == repo.id
    assert [call.status for call in hub.calls] == [status, 200]


def test_the_primary_limit_counts(hub, repo, ask):
    """What is left is told each time; when nothing is, the answer is 403 with when it ends."""
    token = hub.token("app", kind="app", permissions={}, limit=2)
    left = [ask("GET", REPO, token).headers["X-RateLimit-Remaining"] for _ in range(2)]
    assert left == ["1", "0"]
    refused = ask("GET", REPO, token)
    assert refused.status_code == 403
    assert refused.json()["message"].startswith("API rate limit exceeded")
    assert int(refused.headers["X-RateLimit-Reset"]) > time.time()
    assert ask("GET", "/rate_limit", token).json()["rate"]["remaining"] == 0


@pytest.mark.parametrize("after", [True, False])
def test_a_lost_answer(hub, opened, bot, ask, after):
    """The connection is closed: after the merge was done, or before."""
    hub.drop("pulls/merge", after=after)
    with pytest.raises(requests.ConnectionError):
        ask("PUT", REPO + "/pulls/1/merge", bot, json={})
    assert (opened.items[1].closed is not None) == after
    assert hub.calls[-1].status == 0
    again = ask("PUT", REPO + "/pulls/1/merge", bot, json={})
    assert again.status_code == (405 if after else 200)


def test_a_push_whose_answer_is_lost(hub, repo, bot, tmp_path):
    """The branch has moved although git says that it failed."""
    env, clone = repo.git.environment, tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", repo.path, clone], env=env, check=True)
    address = repo.clone_url.replace("://", f"://x:{bot.value}@")
    hub.drop("smart-http/receive-pack")
    push = ["git", "-C", str(clone), "push", "-q", address, "HEAD:one"]
    assert subprocess.run(push, env=env, capture_output=True, check=False).returncode != 0
    assert repo.head("one") == repo.head()
    assert [event.name for event in hub.events] == ["push"]
    subprocess.run(push, env=env, check=True, capture_output=True)


def test_a_slow_answer_runs_into_the_clients_patience(hub, repo, bot, ask):
    """A client with a time limit gives up."""
    hub.slow("repos/get", 1.0)
    with pytest.raises(requests.Timeout):
        ask("GET", REPO, bot, timeout=0.2)
    assert ask("GET", REPO, bot).status_code == 200


def test_a_list_that_is_cut(hub, opened, bot, ask):
    """There are fewer files than the pull request says, and no word of more."""
    opened.commit({"c": "1", "d": "1"}, branch="feature")
    hub.truncate("pulls/list-files", 2)
    answer = ask("GET", REPO + "/pulls/1/files?per_page=2", bot)
    assert (len(answer.json()), answer.links) == (2, {})
    assert ask("GET", REPO + "/pulls/1", bot).json()["changed_files"] == 3
    hub.faults.clear()
    assert "next" in ask("GET", REPO + "/pulls/1/files?per_page=2", bot).links


def test_faults_are_for_the_operations_that_they_name(hub, repo, bot, ask):
    """A pattern matches many."""
    hub.fail("issues/*", times=None)
    assert [ask("GET", REPO + p, bot).status_code for p in ("", "/issues", "/labels", "/pulls")] == [
        200, 500, 500, 200,
    ]  # fmt: skip
