"""A fake GitHub for each test, and clients of it that other people wrote."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "github"))
sys.path.insert(0, str(Path(__file__).parent))

import github as pygithub
import requests
from adapter_world import connected
from fake import FakeGitHub, available

READ_WRITE = dict.fromkeys(
    ("contents", "pull_requests", "issues", "checks", "statuses", "actions"), "write"
)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    if not available():
        pytest.skip("the JavaScript packages are not installed: run scripts/setup-js")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    with FakeGitHub(tmp_path / "hub") as running:
        yield running


@pytest.fixture
def repo(hub):
    return hub.create_repository("acme/registry", files={"readme": "one\n", "a.txt": "a\n" * 40})


@pytest.fixture
def bot(hub):
    """The token of an App that may do everything but change workflows."""
    return hub.token("neurocaas", 777, kind="app", permissions=READ_WRITE)


@pytest.fixture
def client(hub):
    """Return a function that makes a PyGithub for a token."""
    made = []

    def make(token, **options):
        options = {"retry": None, "seconds_between_requests": 0, "seconds_between_writes": 0,
                   "timeout": 10, **options}  # fmt: skip
        one = pygithub.Github(base_url=hub.base, auth=pygithub.Auth.Token(token.value), **options)
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def ask(hub):
    """Return a function that sends one request and returns the answer as it is."""
    with requests.Session() as session:
        # Nothing of this machine's configuration.
        session.trust_env = False

        def send(method, path, token=None, **options):
            headers = dict(options.pop("headers", {}))
            if token is not None:
                headers["Authorization"] = f"Bearer {token.value}"
            address = path if path.startswith("http") else hub.base + path
            options = {"timeout": 10, "allow_redirects": False, **options}
            return session.request(method, address, headers=headers, **options)

        yield send


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    """Let the adapter write without the second between writes that GitHub asks for."""
    monkeypatch.setenv("NEUROCAAS_GITHUB_PAUSE", "0")


@pytest.fixture
def adapter(hub, repo, bot):
    """Our own adapter, as the bot."""
    yield connected(hub, bot)
    assert hub.violations == []


@pytest.fixture
def number(repo, client, hub):
    """A pull request of somebody who may write."""
    repo.add_collaborator("ada")
    repo.commit({"new.txt": "new\n"}, branch="feature")
    pulls = client(hub.token("ada")).get_repo(repo.full_name)
    return pulls.create_pull(base="main", head="feature", title="A change", body="").number
