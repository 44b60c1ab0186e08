"""The workflow files themselves, run by act: from a pull request to a certificate on main."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import workflow_world
from actions.box import Limits
from platform_on_github import ADA, PROJECT, job, propose
from workflow_world import names, submit, told

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(600)]

_template, platform, world = (
    workflow_world._template,
    workflow_world.platform,
    workflow_world.world,
)

VALIDATE, REPORT = ".github/workflows/validate.yml", ".github/workflows/report.yml"
RUN, AUDIT = ".github/workflows/run.yml", ".github/workflows/audit.yml"


CERTIFICATE = "certificates/ada/2026-11/first.sigstore.json"


def test_from_a_pull_request_to_a_certificate_on_main(world):
    hub, repository, actions, platform = world
    number = submit(hub, repository, actions, platform)
    runs = actions.deliver()
    said = told(runs)
    assert names(runs) == [
        ("validate.yml", "success"),
        ("report.yml", "success"),
        ("run.yml", "success"),
    ], said
    assert repository.items[number].pull.merged_at
    assert repository.read(CERTIFICATE), said
    shown = {c.facts["name"]: c for c in repository.checks.values()}
    assert shown["job ada/2026-11/first"].facts["conclusion"] == "success"
    assert hub.violations == []


def test_what_is_certified_is_audited_with_the_path_of_the_signing_workflow(world):
    hub, repository, actions, platform = world
    submit(hub, repository, actions, platform)
    actions.deliver()
    actions.dispatch("audit.yml")
    (audit,) = actions.deliver()
    assert audit.conclusion == "success", audit.log + audit.said
    assert audit.results() == {
        "audit": "success", "drift": "skipped", "no-aws": "success", "gather": "skipped",
        "replay": "skipped", "no-replays": "skipped",
    }  # fmt: skip
    assert "nobody looks for drift on AWS" in audit.jobs["no-aws"].summary
    assert "1 of 1" in audit.log or "1 certificate" in audit.log, audit.log
    assert "identical" in audit.log, audit.log


def test_a_broken_pull_request_is_red_annotated_and_left_open(world):
    hub, repository, actions, platform = world
    number = submit(hub, repository, actions, platform, parameters={"mode": 5})
    runs = actions.deliver()
    assert names(runs) == [("validate.yml", "failure"), ("report.yml", "success")]
    annotations = [a for a in runs[0].annotations if a.level == "error"]
    assert any("registry/jobs/ada/2026-11/first.yaml" in str(a) for a in annotations), annotations
    assert repository.items[number].pull.merged_at is None
    (comment,) = repository.comments_of(number)
    assert "to be mended" in comment.body
    (check,) = [c for c in repository.checks.values() if c.facts["name"] == "neurocaas"]
    assert check.facts["conclusion"] == "failure"


def test_workflows_that_a_pull_request_brings_have_no_rights_and_change_nothing(world):
    """GitHub runs the workflow files of the pull request itself: they find nothing to take."""
    hub, repository, actions, _ = world
    evil = (PROJECT / VALIDATE).read_text().replace(
        "run: scripts/setup\n",
        'run: |\n          curl -s -X PUT -H "Authorization: Bearer $GITHUB_TOKEN" '
        "$GITHUB_API_URL/repos/acme/registry/pulls/1/merge -w '%{http_code}' -o /dev/null\n"
        "          env | grep -c APP_KEY || true\n          scripts/setup\n",
    )  # fmt: skip
    path, text = job(blueprint="probe@1.0.0", parameters={}, max_runtime="1m")
    number = propose(hub, repository, "ada", ADA, {VALIDATE: evil, path: text})
    main = repository.head()
    runs = actions.deliver()
    assert [run.path.rpartition("/")[2] for run in runs] == ["validate.yml", "report.yml"]
    assert "403" in runs[0].log
    assert runs[0].secrets in {(), ("GITHUB_TOKEN",)}
    assert repository.head() == main
    assert repository.items[number].pull.merged_at is None
    (comment,) = repository.comments_of(number)
    assert "maintainer" in comment.body


def test_words_of_strangers_are_never_a_command(world):
    hub, repository, actions, platform = world
    title = '$(touch pwned) `touch pwned` "; touch pwned; # ${{ github.token }} ::error::x'
    branch = "x\"$(touch${IFS}pwned)`touch${IFS}pwned`;touch${IFS}pwned#'|touch<pwned>"
    number = submit(hub, repository, actions, platform, title=title, branch=branch)
    runs = actions.deliver()
    assert names(runs)[:2] == [("validate.yml", "success"), ("report.yml", "success")]
    assert not any("pwned" in run.log.replace(title, "").replace(branch, "") for run in runs)
    assert repository.items[number].pull.merged_at


def test_a_runner_that_dies_half_way_loses_nothing(world):
    hub, repository, actions, platform = world
    submit(hub, repository, actions, platform, parameters={"mode": "ok", "seconds": 20})
    before = actions.limits
    actions.limits = Limits(seconds=14)
    runs = actions.deliver()
    assert runs[-1].path == RUN
    assert runs[-1].conclusion != "success"
    assert repository.read(CERTIFICATE) is None
    actions.limits = before
    # Nobody starts it again by hand: the schedule does.
    actions.schedule("17 * * * *")
    (again,) = [run for run in actions.deliver() if run.path == RUN]
    assert again.conclusion == "success", again.log + again.said
    assert repository.read(CERTIFICATE)


def test_jobs_are_certified_although_main_moves_while_they_run(world, monkeypatch):
    hub, repository, actions, platform = world
    submit(hub, repository, actions, platform)
    carry_out = actions._carry_out

    def others_merge_too(plan):
        if plan.workflow.path == RUN:
            repository.commit({"docs/other.md": "Somebody else was faster.\n"})
        return carry_out(plan)

    monkeypatch.setattr(actions, "_carry_out", others_merge_too)
    runs = actions.deliver()
    assert names(runs)[-1] == ("run.yml", "success"), told(runs)
    assert repository.read(CERTIFICATE)
