"""Main is the origin's where there is one, else this clone's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from neurocaas_ci.cli.common import LOCAL_MAIN, ORIGIN_MAIN, main_ref, open_main
from neurocaas_ci.errors import UsageError


def _git(repo: Path, *arguments: str) -> str:
    names = {
        f"GIT_{who}_{what}": "ada@example.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", *arguments], cwd=repo, env={**os.environ, **names}, check=True, capture_output=True
    )
    return done.stdout.decode().strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Return a repository with two commits on main."""
    _git(tmp_path, "init", "-q", "-b", "main")
    for text in ("one", "two"):
        (tmp_path / "file").write_text(text)
        _git(tmp_path, "add", "file")
        _git(tmp_path, "commit", "-q", "-m", text)
    return tmp_path


def test_the_origins_main_comes_first(repo: Path) -> None:
    ref, tree = open_main(repo, fetch=False)
    with tree:
        assert (ref, tree.read("file")) == (LOCAL_MAIN, b"two")
    _git(repo, "update-ref", ORIGIN_MAIN, "HEAD~")
    ref, tree = open_main(repo, fetch=False)
    with tree:
        assert (ref, tree.read("file")) == (ORIGIN_MAIN, b"one")
        assert tree.commit == _git(repo, "rev-parse", "HEAD~")
    assert main_ref(repo, fetch=False) == ORIGIN_MAIN


def test_closing_the_tree_ends_git(repo: Path) -> None:
    _, tree = open_main(repo, fetch=False)
    with tree:
        process = tree.objects._process
        assert process.poll() is None
    assert process.returncode == 0


def test_without_a_main_it_says_so(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q", "-b", "other")
    with pytest.raises(UsageError, match="no branch main"):
        open_main(tmp_path, fetch=False)


def test_outside_a_repository_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no branch main"):
        open_main(tmp_path, fetch=False)
