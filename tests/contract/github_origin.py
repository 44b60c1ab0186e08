"""The repository of the forge's tests with a fake GitHub as its origin, reached over HTTP."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "github"))
from fake import FakeGitHub, available
from forge_repository import Repository

from neurocaas_ci.forges.credentials import git_credentials
from neurocaas_ci.forges.github import GitHub
from neurocaas_ci.forges.github_client import Address
from neurocaas_ci.forges.github_forge import GitHubForge

NAME = "acme/registry"


@contextmanager
def on_github(repository: Repository) -> Iterator[tuple[GitHubForge, FakeGitHub]]:
    """Move the origin to GitHub; what the clone pushes goes there with ada's token."""
    if not available():
        pytest.skip("the JavaScript packages are not installed: run scripts/setup-js")
    with FakeGitHub(repository.folder / "hub") as hub, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEUROCAAS_GITHUB_PAUSE", "0")
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "127.0.0.1")
            repository.env[name] = "127.0.0.1"
        made = hub.create_repository(NAME)
        made.git.run("fetch", "-q", str(repository.origin), "+refs/heads/*:refs/heads/*")
        made.known = made.git.refs()
        made.add_collaborator("ada")
        token = hub.token("ada").value
        repository.env.update(git_credentials(token, repository.env, hub.base))
        repository.origin = made.path
        repository.git("remote", "set-url", "origin", made.clone_url)
        address = Address(NAME, token, hub.base, server=hub.base)
        yield GitHubForge(GitHub(address), repository.clone), hub
        assert hub.violations == []
