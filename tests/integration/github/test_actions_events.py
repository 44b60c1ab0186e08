"""Chains of workflows against the fake GitHub: pull request, report, merge, push, and what stops one."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pytest
import requests

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "signing"))
from act_orders import CHECKOUT, DOWNLOAD, UPLOAD
from actions import Actions, HarnessError
from actions.box import Limits
from sigstore_server import running

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(120)]

APP_TOKEN = "actions/create-github-app-token@fee1f7d63c2ff003460e3d139729b119787bc349"
CURL = 'curl -sS -H "Authorization: Bearer $TOKEN" "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY'

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
FOLDER = ".github/workflows"


def one_job(on: str, script: str, extra: str = "", permissions: str = "{}") -> str:
    lines = "\n".join(f"          {line}" for line in script.strip().splitlines())
    return f"""
name: single
on: {on}
permissions: {permissions}
jobs:
  one:
    runs-on: ubuntu-24.04
    {extra}
    steps:
      - uses: {CHECKOUT}
      - env: {{TOKEN: "${{{{ github.token }}}}", SECRET: "${{{{ secrets.SECRET }}}}"}}
        run: |
{lines}
"""


class World:
    """A repository on the fake GitHub, with Actions."""

    def __init__(self, github, files: dict[str, str], **settings) -> None:
        self.github = github
        self.repo = github.create_repository(
            "acme/registry",
            files={"policy.txt": "be good\n", "registry/jobs/first.yaml": "a: 1\n", **files},
        )
        self.repo.add_collaborator("ada")
        self.actions = Actions(github, self.repo, limits=Limits(seconds=60), **settings)

    def ask(self, login: str, method: str, path: str, body: object = None):
        with requests.Session() as session:
            # Nothing of this machine's configuration.
            session.trust_env = False
            answer = session.request(
                method, f"{self.repo.url}{path}", json=body, timeout=30,
                headers={"Authorization": f"Bearer {self.github.token(login).value}"},
            )  # fmt: skip
        answer.raise_for_status()
        return answer.json()

    def pull(self, files: dict[str, str], branch: str = "change", login: str = "ada") -> int:
        """Open a pull request from a branch of the repository."""
        self.repo.commit(files, branch=branch, user=login)
        return self.ask(
            login, "POST", "/pulls", {"title": "A change", "head": branch, "base": "main"}
        )["number"]

    def results(self):
        return [(run.name, run.conclusion) for run in self.actions.deliver()]


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


def test_a_token_does_what_the_workflow_grants_and_nothing_else(github):
    script = f"""
{CURL}/issues/1" -X PATCH -d '{{"state": "closed"}}' -w ' %{{http_code}}\\n'
git -c user.name=x -c user.email=x@y commit -q --allow-empty -m x
git push -q origin HEAD:main 2>&1 || echo not pushed
"""
    text = one_job("{issues: {types: [opened]}}", script, permissions="{contents: read}")
    world = World(github, {f"{FOLDER}/a.yml": text})
    before = world.repo.head()
    world.ask("ada", "POST", "/issues", {"title": "a"})
    (run,) = world.actions.deliver()
    assert "Resource not accessible by integration" in run.log
    assert " 403\n" in run.log
    assert "not pushed" in run.log
    assert world.repo.head() == before


def test_what_a_workflow_pushes_with_its_token_starts_nothing(github):
    script = """
git -c user.name=x -c user.email=x@y commit -q --allow-empty -m x
git push -q origin HEAD:main
"""
    text = one_job("{push: {branches: [main]}}", script, permissions="{contents: write}")
    world = World(github, {f"{FOLDER}/a.yml": text})
    before = world.repo.commit({"a": "1"}, user="ada")
    assert world.results() == [("single", "success")]
    assert world.repo.head() != before


def test_a_fork_gets_no_secrets_and_a_token_that_reads(github):
    script = f"""
echo "secret: [$SECRET]"
{CURL}/issues/$(jq .number $GITHUB_EVENT_PATH)/comments" -d '{{"body": "x"}}' -w ' %{{http_code}}\\n'
"""
    text = one_job("pull_request", script, "environment: prod", "{pull-requests: write}")
    world = World(
        github, {f"{FOLDER}/a.yml": text}, secrets={"SECRET": "of the repository"},
        environments={"prod": {"OTHER": "x"}},
    )  # fmt: skip
    world.pull({"a": "1"})
    (own,) = world.actions.deliver()
    assert own.secrets == ("SECRET",)
    assert "secret: [***]" in own.log
    assert " 201" in own.log
    fork = github.fork("acme/registry", "eve")
    fork.commit({"b": "1"}, branch="evil", user="eve")
    world.ask("eve", "POST", "/pulls", {"title": "x", "head": "eve:evil", "base": "main"})
    (foreign,) = world.actions.deliver()
    assert foreign.secrets == ()
    assert "secret: []" in foreign.log
    assert " 403" in foreign.log


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


def test_a_run_proves_who_it_is(github, tmp_path):
    ask = 'curl -sS -H "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=sigstore"'
    signing = one_job("workflow_call", f"{ask} | jq -r .value | tee token | wc -l")
    caller = f"""
name: run
on: workflow_dispatch
permissions: {{}}
jobs:
  sign:
    uses: ./{FOLDER}/sign.yml
    permissions: {{contents: read, id-token: write}}
"""
    other = one_job("workflow_dispatch", 'echo "[$ACTIONS_ID_TOKEN_REQUEST_URL]"')
    files = {f"{FOLDER}/run.yml": caller, f"{FOLDER}/sign.yml": signing, f"{FOLDER}/b.yml": other}
    with running(tmp_path / "sigstore") as issuer:
        world = World(github, files, identity=issuer)
        world.actions.dispatch("run.yml")
        world.actions.dispatch("b.yml")
        run, without = world.actions.deliver()
    assert run.require_success().results() == {"sign / one": "success"}
    assert len(issuer.tokens) == 1
    assert issuer.claims["job_workflow_ref"] == f"acme/registry/{FOLDER}/sign.yml@refs/heads/main"
    assert issuer.claims["workflow_ref"] == f"acme/registry/{FOLDER}/run.yml@refs/heads/main"
    assert issuer.claims["run_id"] == str(run.id)
    assert issuer.claims["sha"] == world.repo.head()
    assert without.log == "[]\n"


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
