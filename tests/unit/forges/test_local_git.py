"""The local forge executes nothing that is configured, and says what is wrong with an origin."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from forge_repository import Repository

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.forges.local_git import LocalGitForge

HOOKS = ("reference-transaction", "pre-receive", "update", "post-update", "post-merge",
         "commit-msg", "prepare-commit-msg", "pre-merge-commit", "post-commit")  # fmt: skip

OPEN_AND_MERGE = """
import sys
from pathlib import Path
from neurocaas_ci.forges.local_git import LocalGitForge
forge = LocalGitForge(Path(sys.argv[1]))
pull = forge.open(sys.argv[2], "title", "ada")
print(pull.number, forge.merge(forge.prepare(pull.number)))
"""


def in_process(repository, branch, **environment):
    """Open and merge in a process of its own, with this environment."""
    env = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-c", OPEN_AND_MERGE, str(repository.origin), branch], env=env,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def trap(path, marker):
    path.write_text(f"#!/bin/sh\ntouch {marker}\nexit 1\n")
    path.chmod(0o755)
    return path


def traps(folder, marker):
    """Fill a folder with hooks that leave a mark and fail."""
    folder.mkdir(exist_ok=True)
    for name in HOOKS:
        trap(folder / name, marker)
    return folder


def test_nothing_of_the_users_configuration_is_executed(repository, tmp_path):
    marker = tmp_path / "executed"
    program = trap(tmp_path / "program", marker)
    (tmp_path / "attributes").write_text("* merge=evil filter=evil diff=evil\n")
    config = tmp_path / "gitconfig"
    config.write_text(
        f"[core]\nhooksPath = {traps(tmp_path / 'hooks', marker)}\nfsmonitor = {program}\n"
        f"attributesFile = {tmp_path / 'attributes'}\npager = {program}\neditor = {program}\n"
        f"[commit]\ngpgSign = true\n[gpg]\nprogram = {program}\n[merge]\nrenormalize = true\n"
        f'[merge "evil"]\ndriver = {program}\n'
        f'[filter "evil"]\nclean = {program}\nsmudge = {program}\nrequired = true\n'
        f'[diff "evil"]\ncommand = {program}\ntextconv = {program}\n'
    )
    repository.branch("ours", {"readme": "one\ntwo\n"})
    repository.branch("theirs", {"readme": "zero\none\n", "x.txt": "x"})
    for number, branch in enumerate(("ours", "theirs"), start=1):
        # The second one needs a merge of the contents, where a driver would be asked.
        done = in_process(repository, branch, GIT_CONFIG_GLOBAL=str(config))
        assert done.stdout.split() == [str(number), "True"], done.stderr
    assert not marker.exists()
    # The traps are real: git by itself walks into them (and renormalising, git 2.39 aborts).
    plain = subprocess.run(
        ["git", "-C", str(repository.origin), "-c", "merge.renormalize=false", "merge-tree",
         "--write-tree", "ours", "theirs"],
        env={**os.environ, "GIT_CONFIG_GLOBAL": str(config)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert marker.exists(), plain


def test_hostile_attributes_and_hooks_in_the_origin_are_not_executed(repository, tmp_path):
    marker = tmp_path / "executed"
    program = trap(tmp_path / "program", marker)
    repository.branch("evil", {".gitattributes": "* merge=evil\n", "readme": "one\ntwo\n"})
    repository.branch("other", {"readme": "zero\none\n"})
    traps(repository.origin / "hooks", marker)
    repository.git("config", "merge.evil.driver", str(program), cwd=repository.origin)
    assert in_process(repository, "evil").stdout.split() == ["1", "True"]
    assert in_process(repository, "other").stdout.split() == ["2", "True"]
    assert not marker.exists()
    subprocess.run(
        ["git", "-C", str(repository.origin), "update-ref", "refs/heads/x", "main"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert marker.exists(), "the hooks are real: git by itself runs them"


def test_a_union_driver_in_the_repository_does_not_hide_a_conflict(repository):
    repository.branch("union", {".gitattributes": "* merge=union\n", "readme": "ours\n"})
    repository.branch("other", {".gitattributes": "* merge=union\n", "readme": "theirs\n"})
    forge = LocalGitForge(repository.origin)
    assert forge.merge(forge.prepare(forge.open("union", "t", "ada").number))
    with pytest.raises(UsageError, match="conflicts with main in readme"):
        forge.prepare(forge.open("other", "t", "ada").number)


def test_merges_have_an_author_without_any_configuration(repository):
    repository.branch("topic")
    clean = {k: "" for k in os.environ if k.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))}
    done = in_process(
        repository, "topic", GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1",
        GIT_AUTHOR_NAME="", GIT_COMMITTER_EMAIL="", HOME="/nonexistent", **clean,
    )  # fmt: skip
    assert done.stdout.split() == ["1", "True"], done.stderr


def test_variables_of_another_repository_do_not_lead_there(repository, tmp_path):
    """Git sets them for hooks, and a hook may well call us."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = Repository(elsewhere).make()
    repository.branch("topic")
    before = other.main()
    done = in_process(
        repository, "topic", GIT_DIR=str(other.origin), GIT_INDEX_FILE=str(tmp_path / "index"),
        GIT_OBJECT_DIRECTORY=str(other.origin / "objects"),
    )  # fmt: skip
    assert done.stdout.split() == ["1", "True"], done.stderr
    assert other.main() == before
    assert "topic.txt" in repository.main_files()


def test_replaced_objects_are_not_seen(repository):
    """A pushed refs/replace must not make another tree be merged than the commit names."""
    good = repository.branch("good", {"good.txt": "x"})
    evil = repository.branch("evil", {"evil.txt": "x"})
    repository.git("update-ref", f"refs/replace/{good}", evil, cwd=repository.origin)
    forge = LocalGitForge(repository.origin)
    assert forge.merge(forge.prepare(forge.open("good", "t", "ada").number))
    files = repository.git(
        "--no-replace-objects", "ls-tree", "-r", "--name-only", "main", cwd=repository.origin
    )
    assert files.split() == ["good.txt", "readme"]


def test_unrelated_histories_are_said(repository):
    repository.git("checkout", "-q", "--orphan", "island")
    repository.write("island.txt", "x")
    repository.commit("island")
    repository.git("push", "-q", "origin", "island")
    forge = LocalGitForge(repository.origin)
    with pytest.raises(UsageError, match="shares no history"):
        forge.prepare(forge.open("island", "t", "ada").number)


def test_main_is_missing(tmp_path):
    repository = Repository(tmp_path).make(first=False)
    repository.write("x", "x")
    commit = repository.commit()
    repository.git("push", "-q", "origin", f"{commit}:refs/heads/topic")
    with pytest.raises(UsageError, match="no branch main") as caught:
        LocalGitForge(repository.origin).open("topic", "t", "ada")
    assert "git push origin main" in caught.value.hint


@pytest.mark.parametrize("kind", ["missing", "file", "plain folder", "folder in a repository"])
def test_what_is_no_repository_is_said(repository, tmp_path, kind):
    path = tmp_path / "somewhere"
    if kind == "file":
        path.write_text("x")
    elif kind == "plain folder":
        path.mkdir()
    elif kind == "folder in a repository":
        path = repository.clone / "sub"
        path.mkdir()
    with pytest.raises(UsageError, match="no git repository") as caught:
        LocalGitForge(path)
    assert "git init --bare" in caught.value.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_an_origin_of_somebody_else_says_so(repository):
    for folder, _, files in os.walk(repository.origin):
        os.chown(folder, 65534, 65534)
        for name in files:
            os.chown(os.path.join(folder, name), 65534, 65534)
    done = in_process(repository, "main", GIT_CONFIG_GLOBAL=os.devnull, SUDO_UID="0")
    assert "dubious ownership" in done.stderr


@pytest.mark.parametrize(
    "lock", ["refs/heads/main.lock", "refs/pull/1/meta.lock", "HEAD.lock", "refs/heads/topic.lock"]
)
def test_a_lock_left_by_a_killed_git_is_named(repository, lock):
    repository.branch("topic")
    forge = LocalGitForge(repository.origin)
    candidate = forge.prepare(forge.open("topic", "t", "ada").number)
    path = repository.origin / lock
    path.touch()
    with pytest.raises(BackendUnavailableError, match="lock that another git process") as caught:
        forge.merge(candidate)
    assert caught.value.where.endswith(lock)
    assert "remove that file" in caught.value.hint
    assert "topic.txt" not in repository.main_files()
    path.unlink()
    assert forge.merge(candidate)


def test_all_the_locks_of_a_killed_transaction_are_named_at_once(repository):
    repository.branch("topic")
    forge = LocalGitForge(repository.origin)
    candidate = forge.prepare(forge.open("topic", "t", "ada").number)
    locks = [repository.origin / f"refs/{name}.lock" for name in ("heads/main", "pull/1/meta")]
    for path in locks:
        path.touch()
    with pytest.raises(BackendUnavailableError, match="lock that another git process") as caught:
        forge.merge(candidate)
    assert all(str(path) in caught.value.hint for path in locks)
    for path in locks:
        path.unlink()
    assert forge.merge(candidate)


def test_a_lock_in_the_way_of_opening_is_named(repository):
    repository.branch("topic")
    path = repository.origin / "refs/pull/1/head.lock"
    path.parent.mkdir(parents=True)
    path.touch()
    forge = LocalGitForge(repository.origin)
    with pytest.raises(BackendUnavailableError, match="lock that another git process"):
        forge.open("topic", "t", "ada")
    assert forge.pulls() == []
    path.unlink()
    assert forge.open("topic", "t", "ada").number == 1


FOREIGN = {
    "text": b"not json",
    "list": b"[1]",
    "no title": b'{"author": "a", "branch": "b", "created": "c"}',
    "escapes": b'{"title": "\\u001b[2J", "author": "a", "branch": "b", "created": "c"}',
    "numbers": b'{"title": 1, "author": 2, "branch": 3, "created": 4}',
    "deep": b"[" * 60_000,
    "large": b'{"title": "' + b"x" * 70_000 + b'"}',
}


@pytest.mark.parametrize("content", FOREIGN)
def test_facts_that_somebody_else_pushed_do_no_harm(repository, content):
    path = repository.clone / "facts"
    path.write_bytes(FOREIGN[content])
    blob = repository.git("hash-object", "-w", str(path))
    commit = repository.branch("topic")
    for ref, value in (("1/meta", blob), ("1/head", commit), ("2/meta", commit), ("x/meta", blob)):
        repository.git("push", "-q", "origin", f"{value}:refs/pull/{ref}")
    forge = LocalGitForge(repository.origin)
    assert forge.pulls() == []
    with pytest.raises(UsageError, match="there is no pull request #1"):
        forge.prepare(1)
    assert forge.open("topic", "t", "ada").number == 3


def test_an_origin_that_cannot_be_written_is_said(repository):
    repository.branch("topic")
    (repository.origin / "neurocaas-pulls.lock").mkdir()
    with pytest.raises(BackendUnavailableError, match="cannot be written") as caught:
        LocalGitForge(repository.origin).open("topic", "t", "ada")
    assert "permissions" in caught.value.hint
