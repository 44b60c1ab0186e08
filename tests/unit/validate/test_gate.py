"""The merge gate and the command, on real repositories."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from builder import BLUEPRINT, JOB, NEW_JOB, VALID, Case, Edit, new_job, recipe_of, rm, sub
from click.testing import CliRunner, Result

from neurocaas_ci.cli.commands import cli
from neurocaas_ci.errors import FindingsError, UsageError
from neurocaas_ci.validate.gate import gate

_ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "T",
    "GIT_AUTHOR_EMAIL": "t@example.org",
    "GIT_COMMITTER_NAME": "T",
    "GIT_COMMITTER_EMAIL": "t@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}
# The lock of the valid registry has the digest of another recipe function.
_STALE = "NC-I003"


class Repo:
    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "-q", "-b", "main")
        self.base = self.commit(Case())

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(self.root), *arguments],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **_ENVIRONMENT},
        ).stdout.strip()

    def write(self, case: Case) -> None:
        files = case.files()
        for path in VALID.keys() - files.keys():
            (self.root / path).unlink(missing_ok=True)
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)

    def commit(self, case: Case) -> str:
        self.write(case)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def _gate(repo: Repo, *edits: Edit) -> list[tuple[str, str]]:
    head = repo.commit(Case(edits))
    findings = gate(repo.root, repo.base, head, recipe_of=recipe_of)
    return [(f.rule, str(f.location)) for f in findings]


def test_a_sound_change_passes_the_gate(repo: Repo) -> None:
    assert _gate(repo, new_job()) == []


def test_the_gate_refuses_a_changed_version_and_a_removed_job(repo: Repo) -> None:
    assert _gate(repo, sub(BLUEPRINT, "default: 3", "default: 4"), rm(JOB)) == [
        ("NC-B014", f"{BLUEPRINT}:3:10"),
        ("NC-C001", f"{JOB}:1:1"),
    ]


def test_the_gate_sees_a_job_that_was_moved(repo: Repo) -> None:
    def move(files: dict[str, str]) -> None:
        files["registry/jobs/ada/2026-12/first.yaml"] = files.pop(JOB)

    assert _gate(repo, move) == [("NC-C001", f"{JOB}:1:1")]


def test_a_job_may_name_an_older_version_or_its_commit_but_no_other_commit(repo: Repo) -> None:
    old = repo.base
    raised = (sub(BLUEPRINT, "1.0.0", "1.1.0"), sub(BLUEPRINT, "maximum: 9", "maximum: 20"))
    repo.base = repo.commit(Case(raised))
    assert _gate(repo, *raised, new_job()) == []
    assert _gate(repo, *raised, new_job(("demo@1.0.0", f"demo@{old}"))) == []
    # The version decides which values are accepted, not what main says today.
    assert _gate(repo, *raised, new_job(("rounds: 5", "rounds: 15"))) == [
        ("NC-J009", f"{NEW_JOB}:9:22")
    ]
    assert (
        _gate(repo, *raised, new_job(("demo@1.0.0", "demo@1.1.0"), ("rounds: 5", "rounds: 15")))
        == []
    )
    assert _gate(repo, *raised, new_job(("demo@1.0.0", f"demo@{'0' * 40}"))) == [
        ("NC-J004", f"{NEW_JOB}:5:12")
    ]


def test_the_gate_works_on_a_bare_repository(repo: Repo, tmp_path: Path) -> None:
    head = repo.commit(Case((rm(JOB),)))
    bare = tmp_path / "origin.git"
    repo.git("clone", "-q", "--bare", ".", str(bare))
    assert [f.rule for f in gate(bare, repo.base, head, recipe_of=recipe_of)] == ["NC-C001"]


def _validate(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["validate", "--repo", str(root), *arguments])


def _rules(result: Result) -> set[str]:
    return {f["rule"] for f in json.loads(result.stdout)["findings"]} - {_STALE}


def test_the_command_judges_the_working_folder_against_main(repo: Repo) -> None:
    assert _rules(_validate(repo.root, "--format", "json")) == set()
    repo.write(Case((rm(JOB), sub(BLUEPRINT, "iae: demo", "iae: dome"))))
    result = _validate(repo.root, "--format", "json")
    assert _rules(result) == {"NC-B002", "NC-B014", "NC-C001"}
    assert isinstance(result.exception, FindingsError)
    assert result.exception.exit_code == 10
    # The commit is still sound.
    assert _rules(_validate(repo.root, "--head", "HEAD", "--format", "json")) == set()


def test_a_branch_is_compared_with_where_it_left_main(repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "topic")
    repo.commit(Case((sub(BLUEPRINT, "default: 3", "default: 4"),)))
    repo.git("checkout", "-q", "main")
    repo.commit(Case((new_job(),)))
    repo.git("checkout", "-q", "topic")
    for arguments in ((), ("--head", "topic")):
        assert _rules(_validate(repo.root, "--format", "json", *arguments)) == {"NC-B014"}
    same = _validate(repo.root, "--format", "json", "--base", "topic", "--head", "topic")
    assert _rules(same) == set()


def test_a_plain_folder_is_judged_as_it_is(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repo.root.parent))
    (repo.root / ".git").rename(repo.root.parent / "moved")
    repo.write(Case((sub(BLUEPRINT, "iae: demo", "iae: dome"),)))
    assert _rules(_validate(repo.root, "--format", "json")) == {"NC-B002"}
    result = _validate(repo.root, "--head", "HEAD")
    assert isinstance(result.exception, UsageError)


def test_paths_narrow_what_is_reported(repo: Repo) -> None:
    repo.write(Case((sub(BLUEPRINT, "iae: demo", "iae: dome"), rm(JOB))))
    inside = _validate(repo.root, "--format", "json", str(repo.root / "registry/jobs"))
    assert _rules(inside) == {"NC-C001"}
    assert _validate(repo.root, str(repo.root / "registry/users")).exit_code == 0
    outside = _validate(repo.root, str(repo.root.parent))
    assert isinstance(outside.exception, UsageError)


def test_text_and_annotations_point_at_the_line(repo: Repo) -> None:
    repo.write(Case((sub(BLUEPRINT, "iae: demo", "iae: dome"),)))
    text = _validate(repo.root).stdout
    assert f"{BLUEPRINT}:14:10: error: there is no IAE `dome` [NC-B002]\n" in text
    assert "   14 |     iae: dome\n      |          ^~~~\n" in text
    assert "fix: did you mean `demo`?" in text
    annotations = _validate(repo.root, "--format", "github").stdout
    assert f"::error file={BLUEPRINT},line=14,col=10,title=NC-B002::" in annotations


def test_explain_shows_one_rule_all_ids_and_what_is_near() -> None:
    run = CliRunner().invoke
    assert (
        "a published blueprint version never changes"
        in run(cli, ["explain", "nc-b014"]).output.lower()
    )
    listed = run(cli, ["explain"]).output.splitlines()
    assert len(listed) > 50
    assert all(line.startswith("NC-") for line in listed)
    assert isinstance(run(cli, ["explain", "NC-B0145"]).exception, UsageError)
