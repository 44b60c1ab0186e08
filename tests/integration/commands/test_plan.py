"""`neurocaas plan` on a real repository."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "unit" / "validate"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "unit" / "plan"))

from builder import BLUEPRINT, JOB, NEW_JOB, Case, mv, new_job, put, sub
from plans import BASE, POLICY
from test_gate import Repo

from neurocaas_ci import schemas
from neurocaas_ci.cli.commands import cli
from neurocaas_ci.errors import FindingsError, UsageError

_POLICY = put(POLICY, BASE[POLICY])


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    monkeypatch.setenv("NEUROCAAS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NEUROCAAS_CACHE", raising=False)
    made = Repo(tmp_path / "repo")
    made.base = made.commit(Case((_POLICY,)))
    return made


def _plan(repo: Repo, *arguments: str):
    return CliRunner().invoke(cli, ["plan", "--repo", str(repo.root), *arguments])


def _levels(result) -> dict[str, str]:
    return {a["path"]: a["level"] for a in json.loads(result.stdout)["approvals"]}


def _committed(repo: Repo, *edits) -> tuple[str, ...]:
    return ("--base", repo.base, "--head", repo.commit(Case((_POLICY, *edits))))


@pytest.mark.parametrize("author", ["1", "ada"])
def test_an_own_job_needs_nobody(repo: Repo, author: str) -> None:
    result = _plan(repo, *_committed(repo, new_job()), "--author", author)
    assert result.exit_code == 0
    assert result.stdout == (
        "Plan: 1 job to run.\n"
        "Cost: at most 4.00 USD.\n"
        "Approval: nobody has to approve it.\n"
        "\n"
        "Jobs\n"
        "  run ada/2026-11/second: demo@1.0.0, 2 runs, at most 4.00 USD\n"
        "      count: 2 runs on large, each 30m at 4.00 USD per hour (price of 2026-11-01) at most: 4.00 USD\n"
        "      user ada: 6.00 USD of 10.00 left before, 2.00 USD of 10.00 after\n"
        "      group lab: 96.00 USD of 100.00 left before, 92.00 USD of 100.00 after\n"
        "\n"
        "Changed files, and who may approve them\n"
        f"  auto: added {NEW_JOB}\n"
        "      the author's own job, valid and within budget\n"
    )


def test_files_that_are_not_committed_are_planned_as_well(repo: Repo) -> None:
    repo.write(Case((_POLICY, new_job())))
    repo.git("config", "neurocaas.forge-id", "1")
    assert _levels(_plan(repo, "--format", "json")) == {NEW_JOB: "auto"}
    # Another author, and one that no file names.
    for author in ("grace", "424242"):
        found = _plan(repo, "--format", "json", "--author", author)
        assert _levels(found) == {NEW_JOB: "maintainer"}
    assert isinstance(_plan(repo, "--author", "nobody").exception, UsageError)


def test_a_plan_is_the_same_every_time_in_every_form(repo: Repo) -> None:
    edits = (
        new_job(),
        sub(BLUEPRINT, "1.0.0", "1.1.0"),
        sub(BLUEPRINT, "default: 3", "default: 4"),
    )
    where = _committed(repo, *edits)
    for form in ("text", "markdown", "json"):
        results = {_plan(repo, *where, "--format", form).stdout for _ in range(2)}
        assert len(results) == 1
        assert "demo" in results.pop()
    document = json.loads(_plan(repo, *where, "--format", "json").stdout)
    Draft7Validator(schemas.load("plan")).validate(document)
    assert (document["base"], document["head"]) == (where[1], where[3])
    assert [action["action"] for action in document["actions"]] == ["publish", "run"]


def test_broken_rules_end_with_10_and_nothing_is_automatic(repo: Repo) -> None:
    edits = (new_job(), sub(BLUEPRINT, "default: 3", "default: 4"))
    result = _plan(repo, *_committed(repo, *edits), "--author", "ada", "--format", "json")
    assert isinstance(result.exception, FindingsError)
    assert result.exception.exit_code == 10
    assert _levels(result) == {BLUEPRINT: "owner", NEW_JOB: "maintainer"}
    assert json.loads(result.stdout)["actions"]


def test_git_sees_a_job_moved_out_of_a_folder(repo: Repo) -> None:
    target = "registry/jobs/grace/2026-11/first.yaml"
    where = _committed(repo, mv(JOB, target))
    result = _plan(repo, *where, "--author", "grace", "--format", "json")
    (approval,) = json.loads(result.stdout)["approvals"]
    assert (approval["old_path"], approval["path"]) == (JOB, target)
    assert (approval["status"], approval["level"]) == ("renamed", "maintainer")


def test_modes_links_and_submodules_of_git_are_for_maintainers(repo: Repo) -> None:
    (repo.root / BLUEPRINT).chmod(0o755)
    (repo.root / "iae/demo/src").mkdir()
    (repo.root / "iae/demo/src/link.py").symlink_to("/etc/passwd")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{repo.base},iae/demo/module")
    repo.git("add", "-A", "registry", "iae/demo/src")
    repo.git("commit", "-q", "-m", "x")
    result = _plan(repo, "--base", repo.base, "--head", "HEAD", "--author", "1", "--format", "json")
    levels = _levels(result)
    assert set(levels) == {BLUEPRINT, "iae/demo/src/link.py", "iae/demo/module"}
    assert set(levels.values()) == {"maintainer"}


def test_a_plain_folder_is_planned_from_nothing(repo: Repo, monkeypatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repo.root.parent))
    (repo.root / ".git").rename(repo.root.parent / "moved")
    document = json.loads(_plan(repo, "--format", "json").stdout)
    assert (document["base"], document["head"], document["approvals"]) == (None, None, [])
    kinds = [action["action"] for action in document["actions"]]
    # The only job has a certificate.
    assert kinds == ["build", *["create"] * 6, *["publish"] * 2]
