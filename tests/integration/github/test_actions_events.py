"""Chains of workflows against the fake GitHub: pull request, report, merge, push, and what stops one."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from act_orders import CHECKOUT, DOWNLOAD, UPLOAD
from actions import HarnessError
from actions_world import CURL, FOLDER, World, one_job

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(120)]

APP_TOKEN = "actions/create-github-app-token@fee1f7d63c2ff003460e3d139729b119787bc349"

VALIDATE = f"""
name: validate
on: pull_request
permissions: {{}}
concurrency: {{group: "validate-${{{{ github.event.number }}}}", cancel-in-progress: true}}
jobs:
  check:
    runs-on: ubuntu-24.04
    permissions: {{contents: read}}
    steps:
      - uses: {CHECKOUT}
        with: {{ref: "${{{{ github.event.pull_request.base.sha }}}}", path: base, persist-credentials: false}}
      - uses: {CHECKOUT}
        with: {{path: pr, fetch-depth: 0, persist-credentials: false}}
      - id: judge
        env: {{BASE: "${{{{ github.event.pull_request.base.sha }}}}"}}
        run: |
          ! git -C pr config --get-regexp extraheader
          git -C pr diff --name-only "$BASE" HEAD > changed.txt
          cat base/policy.txt
          mkdir report; cp changed.txt report/; echo hidden > report/.hidden
      - uses: {UPLOAD}
        with: {{name: report, path: report, if-no-files-found: error}}
"""
REPORT = f"""
name: report
on: {{workflow_run: {{workflows: [validate], types: [completed]}}}}
permissions: {{}}
jobs:
  tell:
    if: github.event.workflow_run.conclusion == 'success'
    runs-on: ubuntu-24.04
    environment: bot
    permissions: {{actions: read, pull-requests: write}}
    env: {{NUMBER: "${{{{ github.event.workflow_run.pull_requests[0].number }}}}"}}
    steps:
      - uses: {DOWNLOAD}
        with: {{name: report, path: got, run-id: "${{{{ github.event.workflow_run.id }}}}", github-token: "${{{{ github.token }}}}"}}
      - env: {{TOKEN: "${{{{ github.token }}}}"}}
        run: |
          ls -A got
          jq -Rs '{{body: .}}' got/changed.txt | {CURL}/issues/$NUMBER/comments" --fail -d @-
      - uses: {APP_TOKEN}
        id: app
        with: {{app-id: "${{{{ vars.APP }}}}", private-key: "${{{{ secrets.APP_KEY }}}}"}}
      - env: {{TOKEN: "${{{{ steps.app.outputs.token }}}}"}}
        run: |
          {CURL}/pulls/$NUMBER/merge" --fail -X PUT -d "{{\\"sha\\":\\"${{{{ github.event.workflow_run.head_sha }}}}\\"}}"
"""
DEPLOY = f"""
name: deploy
on: {{push: {{branches: [main], paths: ["registry/**", "!registry/users/**"]}}, workflow_dispatch: {{}}}}
permissions: {{contents: read}}
concurrency: deploy
jobs:
  build:
    runs-on: ubuntu-24.04
    outputs: {{count: "${{{{ steps.count.outputs.count }}}}"}}
    steps:
      - uses: {CHECKOUT}
      - {{id: count, run: "echo count=$(find registry -type f | wc -l) >> $GITHUB_OUTPUT"}}
      - uses: {UPLOAD}
        with: {{name: built, path: "registry/**/*.yaml"}}
  publish:
    needs: build
    runs-on: ubuntu-24.04
    steps:
      - uses: {DOWNLOAD}
        with: {{name: built, path: got}}
      - run: echo "published $(find got -type f | wc -l) of ${{{{ needs.build.outputs.count }}}}"
"""


@pytest.fixture
def github(hub):
    yield hub
    assert hub.violations == []


def chain(github) -> World:
    files = {
        f"{FOLDER}/validate.yml": VALIDATE, f"{FOLDER}/report.yml": REPORT,
        f"{FOLDER}/deploy.yml": DEPLOY,
    }  # fmt: skip
    app = github.token(
        "neurocaas", kind="app", permissions={"contents": "write", "pull_requests": "write"}
    )
    return World(
        github, files, environments={"bot": {"APP_KEY": app.value}}, variables={"APP": "7"}
    )


def test_a_pull_request_is_checked_reported_merged_and_deployed(github):
    world = chain(github)
    number = world.pull({"registry/jobs/second.yaml": "b: 2\n", "registry/jobs/.x.yaml": "c: 3\n"})
    runs = world.actions.deliver()
    assert [(run.name, run.event) for run in runs] == [
        ("validate", "pull_request"), ("report", "workflow_run"), ("deploy", "push"),
    ]  # fmt: skip
    validate, report, deploy = (run.require_success() for run in runs)
    assert "be good" in validate.log
    with zipfile.ZipFile(io.BytesIO(validate.artifacts["report"])) as archive:
        assert archive.namelist() == ["changed.txt"]
    assert report.secrets == ("APP_KEY",)
    assert report.permissions == {"actions": "read", "pull-requests": "write"}
    (comment,) = world.repo.comments_of(number)
    assert comment.body.split() == ["registry/jobs/.x.yaml", "registry/jobs/second.yaml"]
    assert comment.user.login == "github-actions[bot]"
    # Three files are there; the one whose name begins with a dot is not uploaded.
    assert deploy.log.endswith("published 2 of 3\n")
    assert world.repo.runs[deploy.id].conclusion == "success"
    assert world.repo.runs[validate.id].head_sha != validate.sha
    assert world.actions.deliver() == []


def test_paths_decide_whether_a_push_starts_anything(github):
    world = chain(github)
    world.repo.commit({"docs/a.md": "x\n"}, user="ada")
    world.repo.commit({"registry/users/ada.yaml": "x: 1\n"}, user="ada")
    assert world.results() == []
    world.repo.commit({"registry/users/ada.yaml": "x: 2\n", "registry/a.yaml": "y\n"}, user="ada")
    assert world.results() == [("deploy", "success")]


def test_a_newer_run_of_a_group_cancels_an_older_one(github):
    world = chain(github)
    world.pull({"registry/a.yaml": "1\n"})
    world.repo.commit({"registry/a.yaml": "2\n"}, branch="change", user="ada")
    runs = world.actions.deliver()
    assert [(run.name, run.conclusion) for run in runs] == [
        ("validate", "cancelled"), ("validate", "success"), ("report", "skipped"),
        ("report", "success"), ("deploy", "success"),
    ]  # fmt: skip
    assert runs[0].jobs == {}
    assert world.repo.runs[runs[0].id].conclusion == "cancelled"


def test_the_files_of_the_merge_run_for_pull_requests_and_those_of_main_for_issues(github):
    world = World(github, {f"{FOLDER}/a.yml": one_job("[pull_request, issues]", "echo from main")})
    world.pull({f"{FOLDER}/a.yml": one_job("[pull_request, issues]", "echo from the change")})
    world.ask("ada", "POST", "/issues", {"title": "a"})
    assert [run.log for run in world.actions.deliver()] == ["from the change\n", "from main\n"]


def test_dispatch_with_inputs_and_schedules(github):
    on = "{workflow_dispatch: {inputs: {job: {type: string}}}, schedule: [{cron: '7 3 * * *'}]}"
    script = 'echo "$GITHUB_EVENT_NAME [${{ inputs.job }}] ${{ github.ref }} ${{ github.run_id }}"'
    world = World(github, {f"{FOLDER}/a.yml": one_job(on, script)})
    world.actions.dispatch("a.yml", {"job": "one two"})
    world.actions.schedule("7 3 * * *")
    world.actions.schedule("8 3 * * *")
    by_hand, by_time = world.actions.deliver()
    assert by_hand.log == f"workflow_dispatch [one two] refs/heads/main {by_hand.id}\n"
    assert by_time.log == f"schedule [] refs/heads/main {by_time.id}\n"


def test_workflows_that_start_each_other_come_to_an_end(github):
    text = one_job("{workflow_run: {workflows: [single], types: [completed]}, push: {}}", "true")
    world = World(github, {f"{FOLDER}/a.yml": text})
    world.repo.commit({"a": "1"}, user="ada")
    assert len(world.actions.deliver()) == 4


def test_events_without_end_are_an_error_of_the_test(github):
    text = one_job("{push: {}}", "true")
    world = World(github, {f"{FOLDER}/a.yml": text})
    world.repo.commit({"a": "1"}, user="ada")
    with pytest.raises(HarnessError, match="still new ones"):
        world.actions.deliver(rounds=1)
