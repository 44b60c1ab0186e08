"""One commit becomes one archive, whichever clone it comes from; a real git, no network."""

import hashlib
import io
import os
import subprocess
import tarfile

import pytest

from neurocaas_ci.build import git_source
from neurocaas_ci.build.git_source import write_archive
from neurocaas_ci.errors import BackendUnavailableError, BuildError
from neurocaas_ci.model.registry import SourcePackage

ADDRESS = "https://git.example/lab/tool"


def git(folder, *arguments):
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        [*command, "-C", str(folder), *arguments], capture_output=True, text=True, check=True,
        env={**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"},
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def origin(tmp_path, monkeypatch):
    """A repository that git's own configuration puts in the place of a public address."""
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "setup.py").write_text("print('hello')\n")
    (folder / "tool").mkdir()
    (folder / "tool/run.sh").write_text("#!/bin/sh\n")
    (folder / "tool/run.sh").chmod(0o755)
    (folder / "link").symlink_to("tool/run.sh")
    # Attributes that would change an archive or a checkout count for nothing.
    (folder / ".gitattributes").write_text("setup.py export-ignore\n*.py text eol=crlf\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "One")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{folder}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", ADDRESS)
    return folder


def archive(commit, tmp_path, name="work"):
    out = io.BytesIO()
    folder = tmp_path / name
    folder.mkdir()
    write_archive(SourcePackage("tool", "1.0", ADDRESS, commit), folder, out.write)
    return out.getvalue()


def test_the_archive_is_the_tree_of_the_commit(origin, tmp_path):
    commit = git(origin, "rev-parse", "HEAD")
    data = archive(commit, tmp_path)
    with tarfile.open(fileobj=io.BytesIO(data)) as packed:
        found = {m.name: (m.mode, m.linkname) for m in packed if not m.isdir()}
        assert packed.extractfile("setup.py").read() == b"print('hello')\n"
    assert found == {
        ".gitattributes": (0o644, ""),
        "link": (0o777, "tool/run.sh"),
        "setup.py": (0o644, ""),
        "tool/run.sh": (0o755, ""),
    }


def test_every_clone_gives_the_same_archive_whatever_came_later(origin, tmp_path, monkeypatch):
    commit = git(origin, "rev-parse", "HEAD")
    before = archive(commit, tmp_path)
    (origin / "setup.py").write_text("print('later')\n")
    git(origin, "commit", "--quiet", "--all", "-m", "Two")
    git(tmp_path, "clone", "--quiet", str(origin), "clone")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{tmp_path / 'clone'}.insteadOf")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    umask = os.umask(0o077)
    try:
        after = archive(commit, tmp_path, "again")
    finally:
        os.umask(umask)
    assert hashlib.sha256(before).digest() == hashlib.sha256(after).digest()
    assert archive(git(origin, "rev-parse", "HEAD"), tmp_path, "new") != before


def test_a_server_that_gives_only_what_branches_point_at(origin, tmp_path, monkeypatch):
    commit = git(origin, "rev-parse", "HEAD")
    git(origin, "commit", "--quiet", "--allow-empty", "-m", "Two")
    expected = archive(commit, tmp_path)
    # A server of the old protocol refuses ids of commits that no branch points at.
    old = [word.replace("version=2", "version=0") for word in git_source._QUIET]
    monkeypatch.setattr(git_source, "_QUIET", old)
    assert archive(commit, tmp_path, "old") == expected


def test_a_commit_that_is_not_there(origin, tmp_path):
    with pytest.raises(BuildError, match="has no commit 1234567890"):
        archive("1234567890" * 4, tmp_path)


def test_a_blob_is_no_commit(origin, tmp_path):
    blob = git(origin, "rev-parse", "HEAD:setup.py")
    with pytest.raises(BuildError, match="has no commit"):
        archive(blob, tmp_path)


def test_a_submodule_is_named(origin, tmp_path):
    commit = git(origin, "rev-parse", "HEAD")
    git(origin, "update-index", "--add", "--cacheinfo", f"160000,{commit},vendored")
    git(origin, "commit", "--quiet", "-m", "Two")
    with pytest.raises(BuildError, match="vendored is a submodule"):
        archive(git(origin, "rev-parse", "HEAD"), tmp_path)


def test_a_repository_that_is_not_there(origin, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{tmp_path / 'nothing'}.insteadOf")
    with pytest.raises(BuildError, match="cannot read the repository"):
        archive("1" * 40, tmp_path)


def test_a_server_out_of_reach(origin, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "url.http://127.0.0.1:9/x.insteadOf")
    with pytest.raises(BackendUnavailableError, match="cannot be reached"):
        archive("1" * 40, tmp_path)
