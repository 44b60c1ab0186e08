"""Whose repository a clone is, and a token that git gets for one server and that is written nowhere."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from adapter_world import REPOSITORY, asked

from neurocaas_ci.cli.github_option import (
    is_on_github,
    lend_credentials,
    open_github,
    repository_of,
)


def git(*arguments, cwd, code=0):
    done = subprocess.run(
        ["git", *arguments], cwd=cwd, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == code, f"git {arguments}: {done.stderr}"
    return done.stdout.strip()


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A home without any configuration, and nothing of this machine's GitHub."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT", "GH_", "NEUROCAAS_"))}
    named = {"HOME": str(home), "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1",
             "NO_PROXY": "127.0.0.1"}  # fmt: skip
    for name in ("AUTHOR", "COMMITTER"):
        named |= {f"GIT_{name}_NAME": "ada", f"GIT_{name}_EMAIL": "ada@example.org"}
    with mock.patch.dict(os.environ, {**kept, **named}, clear=True):
        yield tmp_path


@pytest.fixture
def clone(world):
    folder = world / "clone"
    git("init", "-q", "-b", "main", str(folder), cwd=world)
    return folder


def at(clone, url):
    git("remote", "add", "origin", url, cwd=clone)
    return clone


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/registry",
        "https://github.com/acme/registry.git",
        "https://github.com/acme/registry/",
        "https://ada@github.com/acme/registry.git",
        "https://x-access-token:secret@github.com/acme/registry",
        "git@github.com:acme/registry.git",
        "git@github.com:acme/registry",
        "ssh://git@github.com/acme/registry.git",
    ],
)
def test_what_is_on_github(clone, url):
    assert is_on_github(at(clone, url))
    assert repository_of(clone) == REPOSITORY


LOOK_ALIKES = [
    "https://github.com.evil.example/acme/registry",
    "https://evil.example/github.com/acme",
    "https://evil.example/acme/registry",
    "https://github.com@evil.example/acme/registry",
    "https://github.com:x@evil.example/acme/registry.git",
    "https://evilgithub.com/acme/registry",
    "https://github.com:8443/acme/registry",
    "http://github.com/acme/registry",
    "git@github.com.evil.example:acme/registry.git",
    "git@evil.example:acme/registry.git",
    "git@evil.example:github.com/registry.git",
    "ssh://git@github.com.evil.example/acme/registry.git",
    "ssh://git@evil.example/git@github.com/acme/registry",
    "https://github.com/acme",
    "https://github.com/acme/registry/tree",
    "https://github%2ecom/acme/registry",
    "file:///srv/github.com/acme/registry",
    "/srv/github.com/acme/registry.git",
    "../github.com/acme/registry",
]


@pytest.mark.parametrize("url", LOOK_ALIKES)
def test_what_is_not_on_github(clone, url, monkeypatch):
    """Also where a workflow on GitHub or a person names a repository of this very name."""
    assert not is_on_github(at(clone, url))
    assert repository_of(clone) is None
    for name, value in (("REPOSITORY", REPOSITORY), ("TOKEN", "ghp_secret")):
        monkeypatch.setenv(f"GITHUB_{name}", value)
    before = dict(os.environ)
    assert not is_on_github(clone)
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    assert not is_on_github(clone)
    lend_credentials(clone)
    monkeypatch.delenv("GITHUB_SERVER_URL")
    assert dict(os.environ) == before


def test_a_folder_without_an_origin_is_not_on_github(clone, world):
    assert not is_on_github(clone)
    assert not is_on_github(world / "home")


def test_the_server_of_an_enterprise_is_what_its_workflow_says(clone, monkeypatch):
    at(clone, "https://git.example.org/acme/registry.git")
    assert not is_on_github(clone)
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://git.example.org")
    monkeypatch.setenv("GITHUB_REPOSITORY", REPOSITORY)
    monkeypatch.setenv("GITHUB_API_URL", "https://git.example.org/api/v3")
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_secret")
    assert repository_of(clone) == REPOSITORY
    address = open_github(clone).address
    assert (address.server, address.api) == (
        "https://git.example.org", "https://git.example.org/api/v3",
    )  # fmt: skip
    lend_credentials(clone)
    assert os.environ["GIT_CONFIG_KEY_0"] == "http.https://git.example.org/.extraHeader"


@pytest.fixture
def lent(hub, repo, world, monkeypatch):
    """A clone of a private repository, where git has been lent a token."""
    repo.private = True
    repo.add_collaborator("ada")
    token = hub.token("ada").value
    clone = world / "clone"
    git("clone", "-q", str(repo.path), str(clone), cwd=world)
    git("remote", "set-url", "origin", repo.clone_url, cwd=clone)
    git("push", "-q", "origin", "HEAD:before", cwd=clone, code=128)
    for name, value in (("REPOSITORY", REPOSITORY), ("SERVER_URL", hub.base), ("TOKEN", token),
                        ("API_URL", hub.base)):  # fmt: skip
        monkeypatch.setenv(f"GITHUB_{name}", value)
    lend_credentials(clone)
    return clone, token


def test_git_pushes_with_a_lent_token(repo, lent):
    clone, _ = lent
    git("commit", "-q", "--allow-empty", "-m", "more", cwd=clone)
    git("push", "-q", "origin", "HEAD:topic", cwd=clone)
    assert repo.head("topic") == git("rev-parse", "HEAD", cwd=clone)
    git("fetch", "-q", "origin", cwd=clone)


def test_the_token_is_written_nowhere(lent, world):
    clone, token = lent
    git("fetch", "-q", "origin", cwd=clone)
    git("push", "-q", "origin", "HEAD:topic", cwd=clone)
    secrets = [token.encode(), base64.b64encode(f"x-access-token:{token}".encode())]
    files = [
        path for folder in (clone, world / "home") for path in folder.rglob("*") if path.is_file()
    ]
    assert any(path.name == "config" for path in files)
    assert [path for path in files if any(s in path.read_bytes() for s in secrets)] == []
    assert token not in git("remote", "-v", cwd=clone)


def test_another_server_does_not_get_it(hub, lent):
    """The storage of the fake is the same GitHub on another port: it refuses who has no token."""
    clone, _ = lent
    git("fetch", "-q", f"{hub.storage}/{REPOSITORY}.git", cwd=clone, code=128)
    git("fetch", "-q", f"{hub.base}/{REPOSITORY}.git", cwd=clone)
    assert "smart-http/upload-pack" in asked(hub, "smart-http")


def test_lending_twice_and_beside_other_configuration(clone, monkeypatch):
    at(clone, "https://github.com/acme/registry")
    for name, value in (("COUNT", "1"), ("KEY_0", "user.name"), ("VALUE_0", "grace")):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    monkeypatch.setenv("GH_TOKEN", "one")
    lend_credentials(clone)
    monkeypatch.setenv("GH_TOKEN", "two")
    lend_credentials(clone)
    assert git("config", "user.name", cwd=clone) == "grace"
    assert os.environ["GIT_CONFIG_COUNT"] == "2"
    given = git("config", "--get-all", "http.https://github.com/.extraHeader", cwd=clone)
    basic = base64.b64encode(b"x-access-token:two").decode()
    assert given == f"Authorization: Basic {basic}"


def test_without_a_token_nothing_is_lent(clone):
    at(clone, "https://github.com/acme/registry")
    before = dict(os.environ)
    lend_credentials(clone)
    assert dict(os.environ) == before
