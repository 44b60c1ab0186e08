"""The real command over HTTP: forms become pull requests on a GitHub, and a doctor looks at it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "property"))

from form_body import body

from neurocaas_ci.forges.forms import fields_of
from neurocaas_ci.onboard.draft import FORMS

ROOT = Path(__file__).parents[3]
FIELDS = {kind: fields_of(path, (ROOT / path).read_bytes()) for kind, path in FORMS.items()}
JOB = {
    "name": "tracking-01",
    "blueprint": "kalman-smoother@1.0.2",
    "datasets": f"store:mouse-01.npz {'ab' * 32} 1048576",
    "parameters": "em_iterations: 20",
    "group": "example-lab",
    "pricing": "standard",
}
SIGNUP = {"name": "Lin Example", "group": "example-lab", "terms": FIELDS["signup"][-1].options}


class Desk:
    """A platform on the fake GitHub, a clone of it, and people who fill in forms."""

    def __init__(self, hub, client, bot, folder):
        files = {
            path.relative_to(ROOT).as_posix(): path.read_bytes()
            for name in ("registry", "iae", ".github/ISSUE_TEMPLATE")
            for path in (ROOT / name).rglob("*")
            if path.is_file()
        }
        self.hub, self.client, self.bot, self.folder = hub, client, bot, folder
        self.platform = hub.create_repository("acme/platform", files=files)
        self.clone = folder / "clone"
        subprocess.run(["git", "clone", "-q", self.platform.path, self.clone], check=True)

    def fill_in(self, kind, typed, login, number):
        """Open an issue as somebody; return its number and the event that GitHub sends."""
        person = self.client(self.hub.token(login, number)).get_repo("acme/platform")
        text = body(FIELDS[kind], typed).replace("\n", "\r\n")
        issue = person.create_issue("A form", body=text)
        return issue.number, self.event()

    def event(self):
        path = self.folder / "event.json"
        path.write_text(json.dumps(self.hub.events[-1].payload))
        return path

    def run(self, *arguments, code=0, token=None):
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("GIT", "NEUROCAAS_"))},
            "GITHUB_API_URL": self.hub.base, "GITHUB_REPOSITORY": "acme/platform",
            "GITHUB_TOKEN": (token or self.bot).value, "NEUROCAAS_BOT": "neurocaas[bot]",
            "NEUROCAAS_GITHUB_PAUSE": "0", "NEUROCAAS_HOME": str(self.folder / "home"),
            "HOME": str(self.folder),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "neurocaas_ci.cli.main", *map(str, arguments)],
            cwd=self.clone, env=env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert not self.hub.violations
        return done.stdout

    def onboard(self, number, event, code=0):
        return self.run("onboard", "--issue", number, "--event", event, "--no-fetch", code=code)

    def pulls(self):
        return list(self.client(self.bot).get_repo("acme/platform").get_pulls())

    def comments(self, number):
        return [comment.body for comment in self.platform.comments_of(number)]


@pytest.fixture
def desk(hub, client, bot, tmp_path):
    return Desk(hub, client, bot, tmp_path)


def test_a_sign_up_by_form(desk):
    number, event = desk.fill_in("signup", SIGNUP, "lin", 3003)
    assert desk.onboard(number, event) == "pull request 2\n"
    (pull,) = desk.pulls()
    assert (pull.head.ref, pull.user.login, pull.title) == (
        f"signup/{number}", "neurocaas[bot]", "Sign up lin",
    )  # fmt: skip
    assert [(file.filename, file.status) for file in pull.get_files()] == [
        ("registry/users/lin.yaml", "added")
    ]
    content = desk.platform.read("registry/users/lin.yaml", pull.head.sha)
    assert content.startswith(b"schema: neurocaas/user/v1\nlogin: lin\nforge_id: 3003\n")
    assert pull.body.startswith(f"Closes #{number}\n")
    (comment,) = desk.comments(number)
    assert "pull request #2" in comment
    before = len([call for call in desk.hub.calls if call.method != "GET"])
    assert desk.onboard(number, event) == "pull request 2\n"
    assert len([call for call in desk.hub.calls if call.method != "GET"]) == before


@pytest.mark.parametrize(
    "operation", ["git/create-ref", "pulls/create", "issues/create-comment", "git/create-tree"]
)
def test_what_broke_half_way_is_finished_by_the_next_run(desk, operation):
    number, event = desk.fill_in("job", JOB, "ada", 1001)
    desk.hub.fail(operation, status=403, times=1, body={"message": "Resource not accessible"})
    desk.onboard(number, event, code=2)
    assert desk.onboard(number, event) == "pull request 2\n"
    (pull,) = desk.pulls()
    assert [file.filename for file in pull.get_files()] == [
        f"registry/jobs/ada/{pull.created_at:%Y-%m}/tracking-01.yaml"
    ]
    assert len(desk.comments(number)) == 1


def test_a_form_is_corrected_by_its_author_only(desk):
    wrong = {**JOB, "parameters": "em_iterations: many"}
    number, event = desk.fill_in("job", wrong, "ada", 1001)
    assert desk.onboard(number, event).startswith("refused: 1 problem")
    (comment,) = desk.comments(number)
    assert "Parameters: " in comment
    right = body(FIELDS["job"], JOB)
    desk.platform.add_collaborator("mallory", "write")
    for login, words in (
        ("mallory", "nothing to do: the event is not of"),
        ("ada", "pull request 2"),
    ):
        repo = desk.client(desk.hub.token(login)).get_repo("acme/platform")
        repo.get_issue(number).edit(body=f"{right}\n" if login == "mallory" else right)
        assert desk.onboard(number, desk.event()).startswith(words)
    (comment,) = desk.comments(number)
    assert "pull request #2" in comment


def test_the_report_lets_a_job_in_by_the_right_of_its_author(desk):
    number, event = desk.fill_in("job", JOB, "ada", 1001)
    desk.onboard(number, event)
    desk.run("report", "--pull", 2, token=desk.bot)
    pull = desk.client(desk.bot).get_repo("acme/platform").get_pull(2)
    assert pull.merged, desk.comments(2)


def test_a_branch_that_somebody_else_made_acts_for_nobody(desk):
    """Mallory may push, and is faster than the bot; the job would be paid by Ada."""
    number, event = desk.fill_in("job", JOB, "ada", 1001)
    desk.onboard(number, event)
    (pull,) = desk.pulls()
    (file,) = pull.get_files()
    content = desk.platform.read(file.filename, pull.head.sha)
    number, event = desk.fill_in("job", {**JOB, "name": "tracking-02"}, "ada", 1001)
    path = file.filename.replace("-01", "-02")
    theirs = content.replace(b"tracking-01", b"tracking-02").replace(b"20", b"500")
    desk.platform.add_collaborator("mallory", "write")
    desk.platform.commit({path: theirs}, branch=f"job/{number}", user="mallory")
    assert desk.onboard(number, event) == f"pull request {number + 1}\n"
    desk.run("report", "--pull", number + 1, code=10)
    pull = desk.client(desk.bot).get_repo("acme/platform").get_pull(number + 1)
    assert not pull.merged
    assert "NC-O001" in desk.comments(number + 1)[0]


def test_an_issue_that_is_no_form_is_left_alone(desk):
    repo = desk.client(desk.hub.token("lin", 3003)).get_repo("acme/platform")
    number = repo.create_issue("Help", body="It does not work.").number
    assert "no form" in desk.onboard(number, desk.event())
    assert desk.comments(number) == []
    desk.run("onboard", "--issue", 99, "--no-fetch", code=2)


def _doctor(desk, code, token=None):
    text = desk.run("doctor", "--format", "json", code=code, token=token)
    return {one["check"]: one for one in json.loads(text)["checks"]}


@pytest.mark.sandbox
def test_a_doctor_looks_at_github(desk):
    for folder in (desk.folder, *desk.folder.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    reads = dict.fromkeys(("contents", "actions", "administration"), "read")
    admin = desk.hub.token("doctor", kind="app", permissions={**reads, "contents": "write"})
    found = _doctor(desk, 10, admin)
    assert found["github-rules"]["state"] == found["github-environments"]["state"] == "fail"
    assert found["github-actions"]["state"] == found["github-branch"]["state"] == "ok"
    assert found["clock"]["message"].endswith("the forge")
    assert found["code-owners"]["state"] == "fail"
    owners = {".github/CODEOWNERS": (ROOT / ".github/CODEOWNERS").read_bytes()}
    desk.platform.commit(owners, branch="main")
    subprocess.run(["git", "pull", "-q"], cwd=desk.clone, check=True)
    desk.platform.protect(checks={"neurocaas": None})
    for name in ("bot", "signing"):
        desk.platform.add_environment(name, protected=True)
    found = _doctor(desk, 0, admin)
    assert found["code-owners"]["state"] == "ok"
    assert found["github-rules"]["state"] == found["github-environments"]["state"] == "ok"
    desk.platform.actions["default_workflow_permissions"] = "write"
    assert _doctor(desk, 10, admin)["github-actions"]["state"] == "fail"
    # What the bot's own token may not see is no failure.
    assert _doctor(desk, 0)["github-actions"]["state"] == "warn"
