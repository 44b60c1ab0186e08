"""Checks of registries, clocks, signing instances and mirrors."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from neurocaas_ci.audit.signature import load_root
from neurocaas_ci.doctor import mirrors, registry
from neurocaas_ci.doctor.check import examine
from neurocaas_ci.signing.local_sigstore import LocalSigstore


def _found(checks):
    return {one.check: one for one in examine(checks)}


def _commit(folder, files, **env):
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    environment = {
        **os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a", **env,
    }  # fmt: skip
    for line in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", "-C", folder, *line], env=environment, check=True)


@pytest.fixture
def repo(tmp_path):
    folder = tmp_path / "registry"
    folder.mkdir()
    _commit(
        folder,
        {
            "registry/policy.yaml": "schema: neurocaas/policy/v1\nmaintainers: [ada]\n",
            "registry/users/ada.yaml": "schema: neurocaas/user/v1\nlogin: ada\nforge_id: 1\nname: A\n",
        },
    )
    return folder


def _checks(repo, clock=None):
    return _found(
        registry.checks(repo, "refs/heads/main", repo.parent / "signing", clock, load_root)
    )


def test_a_sound_registry(repo):
    found = _checks(repo)
    assert {one.state for one in found.values()} == {"ok"}
    assert "1 users" in found["registry"].message


def test_broken_files_on_main_are_told(repo):
    _commit(repo, {"registry/users/bob.yaml": "schema: neurocaas/user/v1\nlogin: bob\n"})
    found = _checks(repo)["registry"]
    assert found.state == "fail"
    assert "registry/users/bob.yaml:1:1" in found.message
    assert "validate --all" in found.fix


def test_a_branch_that_is_not_there_is_told(repo):
    found = _found(
        registry.checks(repo, "refs/heads/none", repo.parent / "signing", None, load_root)
    )
    assert found["registry"].state == "fail"


@pytest.mark.parametrize(
    ("skew", "state", "words"),
    [(0, "ok", ""), (300, "warn", "behind"), (-300, "warn", "ahead of"), (5000, "fail", "refused")],
)
def test_the_clock_is_held_against_the_forge(repo, skew, state, words):
    found = _checks(repo, lambda: time.time() + skew)["clock"]
    assert found.state == state
    assert words in found.message


def test_without_a_forge_the_last_commit_tells(repo):
    future = f"{int(time.time()) + 9000} +0000"
    _commit(repo, {"x": "x"}, GIT_COMMITTER_DATE=future)
    found = _checks(repo)["clock"]
    assert found.state == "fail"
    assert "in the future" in found.message


def test_a_signing_instance_is_opened(repo):
    folder = repo.parent / "signing"
    instance = LocalSigstore.open(folder)
    assert _checks(repo)["trust-root"].message == str(instance.trusted_root)
    folder.chmod(0o755)
    assert _checks(repo)["trust-root"].state == "fail"


def _policy_of(name):
    return f"schema: neurocaas/policy/v1\nmaintainers: [ada]\ntrust_roots: [{name}]\n"


def test_roots_that_the_policy_names_are_opened(repo):
    policy, file = "registry/policy.yaml", "registry/trust/lab.json"
    _commit(repo, {policy: _policy_of("public-good")})
    assert _checks(repo)["trust-root"].state == "ok"
    _commit(repo, {policy: _policy_of("lab")})
    assert "not on main" in _checks(repo)["trust-root"].message
    root = LocalSigstore.open(repo.parent / "elsewhere").trusted_root.read_text()
    _commit(repo, {file: root.replace("rawBytes", "noBytes")})
    found = _checks(repo)["trust-root"]
    assert found.state == "fail"
    assert "trust export" in found.fix
    _commit(repo, {file: root})
    assert "another machine signs" in _checks(repo)["trust-root"].message
    (repo.parent / "elsewhere").rename(repo.parent / "signing")
    assert "this machine signs" in _checks(repo)["trust-root"].message


class _Mirror(BaseHTTPRequestHandler):
    status = 200

    asked: ClassVar[list[str | None]] = []

    def do_GET(self):
        self.asked.append(self.headers["Authorization"])
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def mirror():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Mirror)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("neurocaas_ci.build.mirrors._from_apt", list)


@pytest.mark.parametrize(
    ("status", "state"), [(200, "ok"), (403, "ok"), (404, "ok"), (500, "fail"), (503, "fail")]
)
def test_mirrors_are_asked(mirror, monkeypatch, status, state):
    monkeypatch.setattr(_Mirror, "status", status)
    address = f"http://127.0.0.1:{mirror.server_port}/"
    monkeypatch.setenv("NEUROCAAS_DEB_MIRRORS", address)
    monkeypatch.setenv("UV_DEFAULT_INDEX", address)
    found = _found(mirrors.checks(ask=True))
    assert (found["debian-mirrors"].state, found["package-index"].state) == (state, state)


def test_silent_mirrors_are_told_without_passwords(mirror, monkeypatch):
    address = f"http://127.0.0.1:{mirror.server_port}/"
    silent = "http://ada:secret@127.0.0.1:1/"
    monkeypatch.setenv("NEUROCAAS_DEB_MIRRORS", f"{address} {silent}")
    monkeypatch.setenv("UV_DEFAULT_INDEX", silent)
    found = _found(mirrors.checks(ask=True))
    assert (found["debian-mirrors"].state, found["package-index"].state) == ("warn", "fail")
    assert "secret" not in str(found)
    assert "PIP_INDEX_URL" in found["package-index"].fix


def test_a_password_is_sent_as_one(mirror, monkeypatch):
    monkeypatch.setattr(_Mirror, "asked", [])
    address = f"http://ada:s%20t@127.0.0.1:{mirror.server_port}/"
    monkeypatch.setenv("UV_DEFAULT_INDEX", address)
    assert _found(mirrors.checks(ask=True))["package-index"].state == "ok"
    assert _Mirror.asked == ["Basic YWRhOnMgdA=="]


def test_nothing_is_asked_unless_wanted(monkeypatch):
    monkeypatch.setenv("NEUROCAAS_DEB_MIRRORS", "http://127.0.0.1:1/")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/")
    assert {one.state for one in _found(mirrors.checks(ask=False)).values()} == {"ok"}
    monkeypatch.delenv("NEUROCAAS_DEB_MIRRORS")
    assert _found(mirrors.checks(ask=False))["debian-mirrors"].state == "warn"
