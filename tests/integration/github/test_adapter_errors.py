"""What GitHub refuses or cannot answer becomes an error that says what to do, without the token."""

from __future__ import annotations

import socket
import sys
import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

sys.path.insert(0, str(Path(__file__).resolve().parent))
from adapter_world import REPOSITORY, asked, connected
from fake.people import Token

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.forges import github_patience
from neurocaas_ci.forges.github import GitHub
from neurocaas_ci.forges.github_client import Address, address_from

# Waiting for a limit that is far away would be seen here.
pytestmark = pytest.mark.timeout(60)
BOT = {"contents": "write", "issues": "write", "pull_requests": "write", "checks": "write"}


@pytest.fixture
def impatient(monkeypatch):
    """Ask once only."""
    monkeypatch.setattr(github_patience, "_TRIES", 0)


def refused(adapter, kind, code, *words):
    """Ask for something that fails; return the error."""
    with pytest.raises(kind) as caught:
        adapter.facts(1)
    error = caught.value
    assert type(error) is kind
    assert error.exit_code == code
    assert error.hint
    assert error.where.startswith(REPOSITORY)
    text = f"{error}\n{''.join(traceback.format_exception(error))}"
    assert adapter.address.token not in text
    for word in words:
        assert word in str(error)
    return error


def test_a_wrong_token(hub, repo):
    unknown = Token("ghp_secret123456789", hub.user("nobody"))
    error = refused(connected(hub, unknown), UsageError, 2, "401", "Bad credentials")
    assert "expired" in error.hint


def test_a_token_without_the_permission(hub, repo):
    repo.private = True
    token = hub.token("neurocaas", 777, kind="app", permissions={"contents": "read"})
    error = refused(connected(hub, token), UsageError, 2, "403", "not accessible by integration")
    assert "lacks a permission" in error.hint


def test_something_that_is_not_there(hub, repo, bot):
    refused(connected(hub, bot), UsageError, 2, "404", "Not Found", "reading the pull request")
    refused(connected(hub, bot, "acme/registry-2"), UsageError, 2, "404")


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, None), (502, "<html>Bad Gateway</html>"), (503, ""), (599, "\x1b[31m{")],
)
def test_a_broken_server(hub, repo, bot, impatient, status, body):
    hub.fail("pulls/get", status=status, body=body, times=None)
    error = refused(connected(hub, bot), BackendUnavailableError, 16, "reading the pull request")
    assert "try again" in error.hint
    assert "\x1b" not in str(error)


def test_a_server_that_mends_is_asked_again(hub, repo, bot):
    hub.fail("pulls/get", status=502, times=2)
    refused(connected(hub, bot), UsageError, 2, "404")
    assert asked(hub, "pulls/get") == ["pulls/get"] * 3


def test_nobody_listens(hub, repo, bot, impatient):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        adapter = GitHub(Address(REPOSITORY, bot.value, nowhere))
        error = refused(adapter, BackendUnavailableError, 16, "GitHub does not answer")
    assert "try again" in error.hint


def test_a_lost_answer(hub, repo, bot, impatient):
    hub.drop("pulls/get", after=False)
    refused(connected(hub, bot), BackendUnavailableError, 16, "GitHub does not answer")


def test_a_limit_that_ends_in_an_hour_is_not_waited_for(hub, repo):
    token = hub.token("neurocaas", 777, kind="app", permissions=BOT, limit=1)
    adapter = connected(hub, token)
    token.used = 1
    error = refused(adapter, BackendUnavailableError, 16, "limit", "rate limit exceeded")
    assert "wait until it is renewed" in error.hint
    assert len(asked(hub, "pulls/get")) == 1


@pytest.mark.parametrize("status", [403, 429])
def test_a_secondary_limit_that_ends_in_an_hour_is_not_waited_for(hub, repo, bot, status):
    hub.limit("pulls/get", status=status, retry_after=3600, times=None)
    error = refused(connected(hub, bot), BackendUnavailableError, 16, "limit")
    assert "wait" in error.hint
    assert len(asked(hub, "pulls/get")) == 1


@pytest.mark.parametrize("status", [403, 429])
def test_a_secondary_limit_that_ends_soon_is_waited_for(hub, repo, bot, status):
    hub.limit("pulls/get", status=status, retry_after=1)
    refused(connected(hub, bot), UsageError, 2, "404")
    assert asked(hub, "pulls/get") == ["pulls/get"] * 2


def test_words_of_github_are_one_bounded_line(hub, repo, bot):
    body = {"message": "bad\r\n::error::x\x1b[31m " + "y" * 5000, "errors": [{"message": "more"}]}
    hub.fail("pulls/get", status=422, body=body)
    error = refused(connected(hub, bot), UsageError, 2, "422")
    assert "\n" not in error.message
    assert error.message.isprintable()
    assert len(error.message) < 500


@pytest.fixture
def app(hub):
    return hub.app("neurocaas", BOT)


def variables(hub, app, **changes):
    return {
        "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_API_URL": hub.base, "GITHUB_TOKEN": "ghs_other",
        "NEUROCAAS_APP_ID": str(app.id), "NEUROCAAS_APP_KEY": app.private_key, **changes,
    }  # fmt: skip


def test_an_app_writes_under_its_own_name(hub, repo, app, client):
    address = address_from(variables(hub, app))
    assert address.bot == "neurocaas[bot]"
    assert address.token in hub.tokens
    hub.token("ada")
    repo.add_collaborator("ada")
    issue = client(hub.token("ada")).get_repo(REPOSITORY).create_issue("Help")
    GitHub(address).comment(issue.number, "<!-- x -->", "text")
    (comment,) = repo.comments_of(issue.number)
    assert comment.user.login == "neurocaas[bot]"
    assert hub.violations == []


@pytest.mark.parametrize("key", ["nonsense", "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n"])
def test_a_key_that_is_none(hub, repo, app, key):
    with pytest.raises(UsageError, match="the key of the app cannot be read") as caught:
        address_from(variables(hub, app, NEUROCAAS_APP_KEY=key))
    assert caught.value.where == "NEUROCAAS_APP_KEY"
    assert key.split("\n")[-2:][0] not in str(caught.value)


def test_the_key_of_another_app(hub, repo, app):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    with pytest.raises(UsageError, match="401") as caught:
        address_from(variables(hub, app, NEUROCAAS_APP_KEY=other.decode()))
    assert caught.value.where == f"app {app.id}"
    assert other.decode().split("\n")[1] not in "".join(traceback.format_exception(caught.value))


def test_an_app_that_is_not_installed(hub, app):
    with pytest.raises(UsageError, match="the app is not installed on acme/elsewhere") as caught:
        address_from(variables(hub, app, GITHUB_REPOSITORY="acme/elsewhere"))
    assert "can install it" in caught.value.hint


def test_an_app_does_not_wait_for_an_hour_either(hub, repo, app):
    hub.limit("apps/*", retry_after=3600, times=None)
    with pytest.raises(BackendUnavailableError, match="limit"):
        address_from(variables(hub, app))


def test_without_a_token_or_a_repository(hub):
    for name in ("", "acme", "a/b/c", "acme/regis try", "acme/registry\n", "https://x/y"):
        with pytest.raises(UsageError, match="repository on GitHub") as caught:
            address_from({"GITHUB_REPOSITORY": name, "GITHUB_TOKEN": "x"})
        assert caught.value.exit_code == 2
    with pytest.raises(UsageError, match="there is no token") as caught:
        address_from({"GITHUB_REPOSITORY": REPOSITORY})
    assert "gh auth token" in caught.value.hint


def test_whose_token_it_is():
    given = {"GITHUB_REPOSITORY": REPOSITORY, "GH_TOKEN": "x"}
    assert address_from(given).bot is None
    assert address_from({**given, "GITHUB_ACTIONS": "true"}).bot == "github-actions[bot]"
    assert address_from({**given, "NEUROCAAS_BOT": "robot"}).bot == "robot"
    assert address_from({**given, "GITHUB_TOKEN": "y"}).token == "y"
    assert address_from(given, "acme/other").repository == "acme/other"
