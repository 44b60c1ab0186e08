"""Issues and settings are read from answers as GitHub publishes them, over real HTTP."""

from __future__ import annotations

import copy
import json
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from neurocaas_ci.doctor.check import examine
from neurocaas_ci.doctor.hosted import checks
from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.forges.github_client import Address
from neurocaas_ci.forges.github_issues import GitHubIssues
from neurocaas_ci.forges.github_settings import GitHubSettings
from neurocaas_ci.forges.hosted import ActionsSettings, Environment

_SPEC = Path(__file__).parents[2] / "js/node_modules/@octokit/openapi/generated/api.github.com.json"
_REPOSITORY = "/repos/{owner}/{repo}"
_RULES = f"{_REPOSITORY}/rules/branches/{{branch}}"
_PROTECTION = f"{_REPOSITORY}/branches/{{branch}}/protection"
_ENVIRONMENTS = f"{_REPOSITORY}/environments"
_ACTIONS = f"{_REPOSITORY}/actions/permissions/workflow"
_ISSUE = f"{_REPOSITORY}/issues/{{issue_number}}"
_PLACES = {
    "/repos/lab/platform": _REPOSITORY,
    "/repos/lab/platform/rules/branches/main": _RULES,
    "/repos/lab/platform/rules/branches/job%2F1": _RULES,
    "/repos/lab/platform/branches/main/protection": _PROTECTION,
    "/repos/lab/platform/environments": _ENVIRONMENTS,
    "/repos/lab/platform/actions/permissions/workflow": _ACTIONS,
    "/repos/lab/platform/issues/5": _ISSUE,
}

pytestmark = pytest.mark.skipif(
    not _SPEC.exists(), reason="scripts/setup-js brings the description"
)


class _GitHub(BaseHTTPRequestHandler):
    answers: dict[str, object]
    date: str | None

    def do_GET(self):
        answer = self.answers.get(_PLACES.get(self.path.split("?")[0], ""), 404)
        status = answer if isinstance(answer, int) else 200
        data = json.dumps({"message": "no"} if isinstance(answer, int) else answer).encode()
        self.send_response_only(status)
        if self.date:
            self.send_header("Date", self.date)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def examples():
    """The published example of an answer, by path."""
    document = json.loads(_SPEC.read_bytes())
    found = {}
    for path in _PLACES.values():
        content = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        example = next(iter(content["examples"].values()))
        while "$ref" in (value := example.get("value", example)):
            example = document["components"]["examples"][value["$ref"].rsplit("/", 1)[1]]
        found[path] = value
    return found


@pytest.fixture
def github(examples):
    """An address, and the answers that are given there."""

    class Handler(_GitHub):
        answers = copy.deepcopy(examples)
        date = formatdate(usegmt=True)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield Address("lab/platform", "t", f"http://127.0.0.1:{server.server_port}"), Handler
    server.shutdown()
    server.server_close()
    thread.join()


def test_settings_as_published(github):
    address, handler = github
    settings = GitHubSettings(address)
    assert settings.repository().default_branch == "master"
    assert settings.repository().rights == {"pull"}
    assert settings.environments() == (Environment("staging", reviewed=True, branches="chosen"),)
    assert settings.actions() == ActionsSettings("read", may_approve=True)
    # Of a ruleset two, of the older protection the rest; it allows force pushes and deletions.
    assert settings.rules("main") >= {"commit_message_pattern", "pull_request", "required_status_checks"}  # fmt: skip
    assert not {"deletion", "non_fast_forward"} & settings.rules("main")
    handler.answers[_PROTECTION]["allow_deletions"]["enabled"] = False
    assert "deletion" in settings.rules("main")
    assert abs(settings.clock() - time.time()) < 3600


@pytest.mark.parametrize("status", [403, 404])
def test_protection_that_is_not_there_or_not_shown_is_none(github, status):
    address, handler = github
    handler.answers[_PROTECTION] = status
    assert GitHubSettings(address).rules("main") == {
        "commit_message_pattern", "commit_author_email_pattern",
    }  # fmt: skip


def test_a_branch_with_a_slash_is_one_name(github):
    address, handler = github
    handler.answers[_PROTECTION] = 404
    assert GitHubSettings(address).rules("job/1")


def test_environments_by_their_branches(github):
    address, handler = github
    (one,) = handler.answers[_ENVIRONMENTS]["environments"]
    for policy, branches in (
        (None, "all"),
        ({"protected_branches": True, "custom_branch_policies": False}, "protected"),
        ({"protected_branches": False, "custom_branch_policies": True}, "chosen"),
    ):
        one.update(deployment_branch_policy=policy, protection_rules=[])
        assert GitHubSettings(address).environments() == (Environment("staging", False, branches),)


def test_what_the_token_may_not_see_is_a_warning(github):
    address, handler = github
    handler.answers[_ACTIONS] = 403
    with pytest.raises(UsageError, match="403"):
        GitHubSettings(address).actions()
    found = {one.check: one for one in examine(checks(GitHubSettings(address)))}
    assert found["github-actions"].state == "warn"
    assert found["github-branch"].state == "fail"


def test_a_forge_without_a_clock(github):
    address, handler = github
    for date in (None, "soon"):
        handler.date = date
        with pytest.raises(BackendUnavailableError, match="what time it is"):
            GitHubSettings(address).clock()


def test_an_issue_as_published(github):
    address, handler = github
    data = handler.answers[_ISSUE]
    data.pop("pull_request", None)
    issue = GitHubIssues(address).issue(5)
    assert (issue.number, issue.author, issue.author_id) == (1347, "octocat", 1)
    assert (issue.title, issue.state, issue.labels) == ("Found a bug", "open", ("bug",))
    assert issue.body == "I'm having a problem with this."
    assert f"{issue.created:%Y-%m}" == "2011-04"
    data["body"] = None
    data["state"] = "closed"
    issue = GitHubIssues(address).issue(5)
    assert (issue.body, issue.state) == ("", "closed")


def test_what_is_no_issue(github):
    address, handler = github
    handler.answers[_ISSUE]["pull_request"] = {"url": "x"}
    with pytest.raises(UsageError, match="a pull request, not an issue"):
        GitHubIssues(address).issue(5)
    handler.answers[_ISSUE].update(pull_request=None, user=None)
    with pytest.raises(UsageError, match="no author"):
        GitHubIssues(address).issue(5)
    with pytest.raises(UsageError, match="404"):
        GitHubIssues(address).issue(6)
