"""A token of the app is for one repository and what is done there, and is renewed before it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from adapter_world import REPOSITORY, asked

from neurocaas_ci.cli.github_option import lend_credentials
from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.github import GitHub
from neurocaas_ci.forges.github_app import AppToken
from neurocaas_ci.forges.github_client import address_from
from neurocaas_ci.forges.rights import NEEDED, PUSH

ALL = {**dict(NEEDED), "administration": "write", "workflows": "write", "secrets": "write"}
MAKE = "apps/create-installation-access-token"


@pytest.fixture
def app(hub, repo):
    """An app with more rights than it should have, installed on everything."""
    hub.create_repository("acme/payroll", private=True, files={"a": "b"})
    return hub.app("neurocaas", ALL)


def variables(hub, app, **changes):
    return {
        "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_API_URL": hub.base,
        "NEUROCAAS_APP_ID": str(app.id), "NEUROCAAS_APP_KEY": app.private_key, **changes,
    }  # fmt: skip


def test_it_reaches_one_repository_with_no_more_rights_than_are_used(hub, app):
    token = hub.tokens[address_from(variables(hub, app)).token]
    assert token.permissions == dict(NEEDED)
    assert token.repositories == [REPOSITORY]
    assert hub.violations == []
    address = address_from(variables(hub, app))
    elsewhere = GitHub(type(address)("acme/payroll", address.token, hub.base))
    with pytest.raises(UsageError, match="404"):
        elsewhere.main()


def test_what_the_app_was_not_given_is_not_asked_for(hub, repo):
    app = hub.app("smaller", {"contents": "read", "checks": "write"})
    token = hub.tokens[address_from(variables(hub, app)).token]
    assert token.permissions == {"contents": "read", "checks": "write"}


def test_it_is_made_once_while_it_lasts(hub, app):
    made = [address_from(variables(hub, app)).token for _ in range(3)]
    assert len(set(made)) == 1
    assert len(asked(hub, MAKE)) == 1


def test_a_long_operation_gets_a_new_one_before_the_first_ends(hub, app):
    now = [time.time()]
    token = AppToken(
        str(app.id), app.private_key, REPOSITORY, hub.base, clock=lambda: now[0]
    )  # fmt: skip
    first = token.value()
    now[0] += 2900
    assert token.value() == first
    now[0] += 200
    assert token.value() != first
    assert len(asked(hub, MAKE)) == 2


def test_an_adapter_outlives_its_first_token(hub, app):
    hub.app_token_seconds = 3
    adapter = GitHub(address_from(variables(hub, app)))
    head = adapter.main()
    time.sleep(3.1)
    assert adapter.main() == head
    assert len(asked(hub, MAKE)) == 2
    assert not [call for call in hub.calls if call.status == 401]


def test_git_gets_a_token_that_only_pushes_and_a_new_one_when_it_is_lent_again(hub, app, tmp_path):
    hub.app_token_seconds = 3
    home = {"HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1", "GITHUB_SERVER_URL": hub.base}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT", "GH_"))}
    with mock.patch.dict(os.environ, {**kept, **home, **variables(hub, app)}, clear=True):
        clone = tmp_path / "clone"
        lines = (
            ("init", "-q", "-b", "main", str(clone)),
            ("-C", str(clone), "remote", "add", "origin", f"{hub.base}/{REPOSITORY}.git"),
        )
        for line in lines:
            subprocess.run(["git", *line], check=True)
        lend_credentials(clone)
        (token,) = [one for one in hub.tokens.values() if one.app]
        assert token.permissions == dict(PUSH)
        for part, wait in (("one", 3.1), ("two", 0)):
            lend_credentials(clone)
            who = ("-c", "user.name=a", "-c", "user.email=a@b")
            commit = ("commit", "-q", "--allow-empty", "-m", part)
            for line in (
                ("fetch", "-q", "origin"),
                ("reset", "-q", "--hard", "origin/main"),
                (*who, *commit),
                ("push", "-q", "origin", "HEAD:main"),
            ):
                subprocess.run(["git", "-C", str(clone), *line], check=True)
            time.sleep(wait)
    assert len([one for one in hub.tokens.values() if one.app]) == 2
