"""Merged jobs are found in the order of main, with the commits that brought them."""

from __future__ import annotations

import os
import subprocess

import pytest

from neurocaas_ci.errors import UsageError
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run import records
from neurocaas_ci.run.pending import (
    in_merge_order,
    job_id,
    manifests,
    select,
    uncertified,
    unfinished,
)
from neurocaas_ci.stores.directory import DirectoryState

ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}


class Repo:
    def __init__(self, path):
        self.path = path
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments):
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, env=ENV, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def add(self, *jobs):
        for job in jobs:
            path = self.path / f"registry/jobs/{job}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"name: {job}\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "jobs")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path):
    (tmp_path / "r").mkdir()
    return Repo(tmp_path / "r")


def path(job):
    return f"registry/jobs/{job}.yaml"


def test_order_is_that_of_main_not_of_names(repo):
    z = repo.add("ada/2026-11/z")
    a = repo.add("ada/2026-11/a", "grace/2026-11/b")
    with GitTree(repo.path, "main") as tree:
        found = in_merge_order(repo.path, tree.commit, manifests(tree))
    assert [(m.id, m.commit) for m in found] == [
        ("ada/2026-11/z", z),
        ("ada/2026-11/a", a),
        ("grace/2026-11/b", a),
    ]


def test_a_merged_branch_counts_when_it_was_merged(repo):
    repo.add("ada/2026-11/first")
    repo.git("checkout", "-q", "-b", "work")
    inner = repo.add("grace/2026-11/branch")
    repo.git("checkout", "-q", "main")
    repo.add("ada/2026-11/second")
    repo.git("merge", "-q", "--no-ff", "-m", "merge", "work")
    merge = repo.git("rev-parse", "HEAD")
    with GitTree(repo.path, "main") as tree:
        found = in_merge_order(repo.path, tree.commit, manifests(tree))
    assert [m.id for m in found][-1] == "grace/2026-11/branch"
    assert found[-1].commit == merge != inner


def test_a_later_change_of_a_manifest_is_not_its_merge(repo):
    first = repo.add("ada/2026-11/j")
    repo.path.joinpath(path("ada/2026-11/j")).write_text("cancelled: {reason: x}\n")
    repo.git("commit", "-q", "-am", "cancel")
    with GitTree(repo.path, "main") as tree:
        assert in_merge_order(repo.path, tree.commit, manifests(tree))[0].commit == first


def test_recorded_and_certified_jobs_are_left_out(repo, tmp_path):
    repo.add("ada/2026-11/done", "ada/2026-11/open", "ada/2026-11/signed")
    certificate = repo.path / "certificates/ada/2026-11/signed.sigstore.json"
    certificate.parent.mkdir(parents=True)
    certificate.write_text("{}")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "certificate")
    state = DirectoryState(tmp_path / "store")
    state.write(records.job_key("ada/2026-11/done"), b"{}")
    with GitTree(repo.path, "main") as tree:
        assert [job_id(p) for p in unfinished(tree, state)] == ["ada/2026-11/open"]
        assert [job_id(p) for p in uncertified(tree, state)] == ["ada/2026-11/done"]


def test_selection_by_any_unique_ending(repo):
    repo.add("ada/2026-11/one", "ada/2026-10/one", "ada/2026-11/two")
    with GitTree(repo.path, "main") as tree:
        assert select(tree, ["two"]) == [path("ada/2026-11/two")]
        assert select(tree, ["2026-10/one"]) == [path("ada/2026-10/one")]
        assert select(tree, [path("ada/2026-11/one")]) == [path("ada/2026-11/one")]
        with pytest.raises(UsageError, match="several jobs"):
            select(tree, ["one"])
        with pytest.raises(UsageError, match="no merged job"):
            select(tree, ["wo"])


def test_more_jobs_than_a_command_line_takes(repo):
    jobs = [f"ada/2026-11/j{i:03d}" for i in range(150)]
    repo.add(*jobs)
    with GitTree(repo.path, "main") as tree:
        found = in_merge_order(repo.path, tree.commit, manifests(tree))
    assert [m.id for m in found] == jobs


def test_an_empty_registry(repo):
    repo.git("commit", "-q", "--allow-empty", "-m", "nothing")
    with GitTree(repo.path, "main") as tree:
        assert manifests(tree) == []
        assert in_merge_order(repo.path, tree.commit, []) == []
