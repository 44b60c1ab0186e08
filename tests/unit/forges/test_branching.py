"""Commits that no working folder sees, and branches of a remote that others may move."""

from __future__ import annotations

import os
import subprocess

import pytest

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.forges import branching
from neurocaas_ci.forges.branching import commit_files, push_branch

_WHO = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "ada"), ("EMAIL", "ada@example.org"))
}


@pytest.fixture
def git(tmp_path):
    env = {**os.environ, **_WHO, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def run(*arguments, cwd=tmp_path / "clone"):
        line = ["git", *map(str, arguments)]
        done = subprocess.run(line, cwd=cwd, env=env, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    run("init", "-q", "--bare", "-b", "main", "origin.git", cwd=tmp_path)
    run("clone", "-q", "origin.git", "clone", cwd=tmp_path)
    (tmp_path / "clone/kept.txt").write_text("kept")
    run("add", ".")
    run("commit", "-q", "-m", "first")
    run("push", "-q", "origin", "HEAD:main")
    return run


def _commit(git, tmp_path, text):
    base = git("rev-parse", "HEAD")
    return commit_files(tmp_path / "clone", base, {"a/new.txt": text}, "Add", _WHO)


def test_a_commit_changes_nothing_here(git, tmp_path) -> None:
    commit = _commit(git, tmp_path, b"new")
    assert git("ls-tree", "-r", "--name-only", commit).split() == ["a/new.txt", "kept.txt"]
    assert git("status", "--porcelain") == ""
    assert not list((tmp_path / "clone/.git").glob("neurocaas-index-*"))


def test_a_branch_is_made_replaced_and_left_alone(git, tmp_path) -> None:
    repo, origin = tmp_path / "clone", tmp_path / "origin.git"
    first, same, other = (_commit(git, tmp_path, text) for text in (b"1", b"1", b"2"))
    push_branch(repo, first, "prices")
    assert git("rev-parse", "prices", cwd=origin) == first
    # The same files on the same commit: what is proposed does not move.
    push_branch(repo, same, "prices")
    assert git("rev-parse", "prices", cwd=origin) == first
    push_branch(repo, other, "prices")
    assert git("rev-parse", "prices", cwd=origin) == other


def test_a_branch_that_moves_meanwhile_is_not_overwritten(git, tmp_path, monkeypatch) -> None:
    repo, origin = tmp_path / "clone", tmp_path / "origin.git"
    mine, theirs = _commit(git, tmp_path, b"1"), _commit(git, tmp_path, b"2")
    look = branching._tip

    def looked(*arguments):
        seen = look(*arguments)
        git("push", "-q", "origin", f"{theirs}:refs/heads/prices")
        return seen

    monkeypatch.setattr(branching, "_tip", looked)
    with pytest.raises(BackendUnavailableError, match="does not take the branch"):
        push_branch(repo, mine, "prices")
    assert git("rev-parse", "prices", cwd=origin) == theirs


def test_no_origin(git, tmp_path) -> None:
    git("remote", "set-url", "origin", tmp_path / "gone.git")
    with pytest.raises(BackendUnavailableError, match="does not answer"):
        push_branch(tmp_path / "clone", git("rev-parse", "HEAD"), "prices")
