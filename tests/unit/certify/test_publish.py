"""Files come onto main in a commit of their own, whoever else is at work there."""

import os
import subprocess
import threading
from pathlib import Path

import pytest

from neurocaas_ci.certify import publish as module
from neurocaas_ci.certify.publish import publish
from neurocaas_ci.certify.repository import normalised, repository_uri
from neurocaas_ci.errors import (
    BackendUnavailableError,
    NeurocaasError,
    UsageError,
    VerificationError,
)

REMOTE, LOCAL = "refs/remotes/origin/main", "refs/heads/main"
PATH = "certificates/ada/2026-11/x.sigstore.json"


@pytest.fixture(autouse=True)
def _identity(monkeypatch):
    for key in [k for k in os.environ if k.startswith("GIT_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=check, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def origin(tmp_path):
    """A bare origin with one commit, and a clone of it with a branch checked out."""
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "origin.git")
    git(tmp_path, "clone", "-q", "origin.git", "clone")
    clone = tmp_path / "clone"
    git(clone, "switch", "-q", "-c", "main")
    (clone / "registry").mkdir()
    (clone / "registry/file").write_text("x\n")
    git(clone, "add", ".")
    git(clone, "commit", "-q", "-m", "Found")
    git(clone, "push", "-q", "origin", "main")
    git(clone, "switch", "-q", "-c", "work")
    return tmp_path / "origin.git"


@pytest.fixture
def clone(origin):
    return origin.parent / "clone"


def test_a_file_is_pushed_and_nothing_of_the_clone_changes(origin, clone):
    (clone / "registry/file").write_text("in work\n")
    before = git(clone, "status", "--porcelain"), git(clone, "rev-parse", "HEAD")
    commit = publish(clone, REMOTE, {PATH: b"{}"}, "Certify x")
    assert git(origin, "rev-parse", "main") == commit
    assert git(origin, "show", f"main:{PATH}") == "{}"
    assert git(origin, "show", "main:registry/file") == "x"
    assert git(origin, "log", "-1", "--format=%s %an", "main") == "Certify x neurocaas"
    assert (git(clone, "status", "--porcelain"), git(clone, "rev-parse", "HEAD")) == before
    assert git(clone, "rev-parse", REMOTE) == commit
    assert not list((clone / ".git").glob("neurocaas-index*"))


def test_what_is_there_already_makes_no_commit(origin, clone):
    first = publish(clone, REMOTE, {PATH: b"{}"}, "Certify x")
    assert publish(clone, REMOTE, {PATH: b"{}"}, "Certify x") is None
    assert git(origin, "rev-parse", "main") == first


def test_another_file_in_its_place_is_never_replaced(origin, clone):
    publish(clone, REMOTE, {PATH: b"{}"}, "Certify x")
    with pytest.raises(VerificationError, match="already has another file"):
        publish(clone, REMOTE, {PATH: b"[]"}, "Certify x")
    assert git(origin, "show", f"main:{PATH}") == "{}"


def test_main_that_moved_meanwhile_is_taken_in(origin, clone, tmp_path):
    git(tmp_path, "clone", "-q", "origin.git", "other")
    other = tmp_path / "other"
    (other / "new").write_text("y\n")
    git(other, "add", ".")
    git(other, "commit", "-q", "-m", "Meanwhile")
    git(other, "push", "-q", "origin", "main")
    publish(clone, REMOTE, {PATH: b"{}"}, "Certify x")
    assert git(origin, "show", "main:new") == "y"
    assert git(origin, "show", f"main:{PATH}") == "{}"


def test_many_at_once_all_arrive(origin, clone, tmp_path):
    clones = []
    for number in range(4):
        git(tmp_path, "clone", "-q", "origin.git", f"c{number}")
        clones.append(tmp_path / f"c{number}")
    problems = []
    arrived = []

    def work(number):
        try:
            for k in range(3):
                path = f"certificates/ada/2026-11/{number}-{k}.sigstore.json"
                publish(clones[number], REMOTE, {path: b"{}"}, f"Certify {number}-{k}")
                arrived.append(path)
        except NeurocaasError as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(arrived) == 12
    names = git(origin, "ls-tree", "-r", "--name-only", "main", "certificates").split()
    assert len(names) == 12


def test_an_origin_that_refuses_is_a_clear_error(origin, clone):
    hook = origin / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(BackendUnavailableError, match="does not take") as raised:
        publish(clone, REMOTE, {PATH: b"{}"}, "Certify x")
    assert "same command again" in raised.value.hint


def test_an_origin_that_is_gone_is_a_clear_error(origin, clone):
    origin.rename(origin.with_name("gone.git"))
    with pytest.raises(BackendUnavailableError):
        publish(clone, REMOTE, {PATH: b"{}"}, "Certify x")


def test_a_checked_out_main_shows_the_file_and_stays_clean(clone):
    git(clone, "remote", "remove", "origin")
    git(clone, "switch", "-q", "main")
    (clone / "registry/file").write_text("in work\n")
    (clone / "untracked").write_text("mine\n")
    commit = publish(clone, LOCAL, {PATH: b"{}"}, "Certify x")
    assert git(clone, "rev-parse", "HEAD") == commit
    assert (clone / PATH).read_bytes() == b"{}"
    assert git(clone, "status", "--porcelain") == "M registry/file\n?? untracked".strip()


def test_a_file_of_the_user_in_that_place_is_left_alone(clone):
    git(clone, "remote", "remove", "origin")
    git(clone, "switch", "-q", "main")
    (clone / PATH).parent.mkdir(parents=True)
    (clone / PATH).write_text("mine")
    publish(clone, LOCAL, {PATH: b"{}"}, "Certify x")
    assert (clone / PATH).read_text() == "mine"
    assert git(clone, "show", f"main:{PATH}") == "{}"


def test_a_bare_repository_is_its_own_main(origin):
    commit = publish(origin, LOCAL, {PATH: b"{}"}, "Certify x")
    assert git(origin, "rev-parse", "main") == commit


def test_main_that_never_rests_is_given_up(origin, clone, monkeypatch):
    monkeypatch.setattr(module, "_push", lambda *_: False)
    with pytest.raises(BackendUnavailableError, match="main moved 20 times"):
        publish(clone, REMOTE, {PATH: b"{}"}, "Certify x")


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("https://github.com/Lab/Registry.git", "https://github.com/Lab/Registry"),
        ("https://user:secret@GitHub.com/lab/r/", "https://github.com/lab/r"),
        ("git@github.com:lab/r.git", "https://github.com/lab/r"),
        ("ssh://git@github.com:22/lab/r.git", "https://github.com/lab/r"),
        ("/srv/origin.git", None),
        ("../origin.git", None),
        ("file:///srv/origin.git", None),
        ("", None),
    ],
)
def test_an_address_has_one_form_without_credentials(address, uri):
    assert normalised(address) == uri


def test_a_registry_on_a_disk_is_named_by_its_first_commit(origin, clone, tmp_path):
    first = git(clone, "rev-list", "--max-parents=0", "main")
    uri = repository_uri(clone, REMOTE)
    assert uri == f"urn:neurocaas:registry:{first}"
    git(tmp_path, "clone", "-q", "origin.git", "elsewhere")
    assert repository_uri(tmp_path / "elsewhere", REMOTE) == uri
    git(clone, "remote", "set-url", "origin", "https://me:pw@host.example/lab/r.git")
    assert repository_uri(clone, REMOTE) == "https://host.example/lab/r"


def test_no_history_no_name(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main")
    with pytest.raises(UsageError, match="cannot be read"):
        repository_uri(tmp_path, "main")
