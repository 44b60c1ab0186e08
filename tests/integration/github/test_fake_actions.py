"""Runs of workflows and what they leave, read with PyGithub."""

from __future__ import annotations

import io
import zipfile

import pytest
from fake import archive

REPO = "/repos/acme/registry"
PATH = ".github/workflows/validate.yml"


def test_a_run_and_its_artifact(hub, repo, bot, client, ask):
    """The download is somewhere else, at an address that is good without a token, and only so."""
    head, zipped = repo.commit({"b": "1"}, branch="feature"), archive({"report.json": "{}"})
    number = repo.add_run(PATH, "pull_request", head, "completed", "success", {"report": zipped},
                          head_branch="feature", actor="ada")  # fmt: skip
    run = client(bot).get_repo("acme/registry").get_workflow_run(number)
    assert (run.path, run.event, run.head_sha, run.conclusion) == (PATH, "pull_request", head, "success")  # fmt: skip
    assert run.actor.login == "ada"
    [artifact] = run.get_artifacts()
    assert (artifact.name, artifact.size_in_bytes) == ("report", len(zipped))
    there = ask("GET", f"{REPO}/actions/artifacts/{artifact.id}/zip", bot).headers["Location"]
    assert ask("GET", there).content == zipped
    followed = ask("GET", f"{REPO}/actions/artifacts/{artifact.id}/zip", bot, allow_redirects=True)
    assert followed.content == zipped
    assert zipfile.ZipFile(io.BytesIO(zipped)).read("report.json") == b"{}"
    assert ask("GET", there, bot).status_code == 400
    assert ask("GET", there[:-1] + "g").status_code == 403
    assert hub.violations == []


def test_a_run_that_goes_on_makes_events(hub, repo):
    """A dispatcher hears of it when it begins and when it is done."""
    number = repo.add_run(PATH, "pull_request", repo.head(), "in_progress")
    repo.update_run(number, "completed", "failure", {"report": b"x"})
    told = [(e.name, e.payload["action"], e.payload["workflow_run"]["id"]) for e in hub.events]
    assert told == [("workflow_run", "in_progress", number), ("workflow_run", "completed", number)]
    assert hub.events[-1].payload["workflow_run"]["conclusion"] == "failure"
    assert hub.events[-1].payload["workflow"]["path"] == PATH


def test_a_run_of_a_fork_names_no_pull_request(hub, repo, bot, ask):
    """As on GitHub: who needs the number has to look for it by the head."""
    fork = hub.fork("acme/registry", "ada")
    head = fork.commit({"b": "1"}, branch="job", user="ada")
    body = {"title": "t", "head": "ada:job", "base": "main"}
    assert ask("POST", REPO + "/pulls", hub.token("ada"), json=body).status_code == 201
    mine = repo.add_run(PATH, "pull_request", repo.head(), pulls=[1])
    theirs = repo.add_run(PATH, "pull_request", head, head_repository=fork, pulls=[1])
    runs = [ask("GET", f"{REPO}/actions/runs/{n}", bot).json() for n in (mine, theirs)]
    assert [len(run["pull_requests"]) for run in runs] == [1, 0]
    assert runs[1]["head_repository"]["full_name"] == "ada/registry"
    assert ask("GET", f"{REPO}/commits/{head}/pulls", bot).json() == []
    found = ask("GET", f"{REPO}/pulls?head=ada:job", bot).json()
    assert [pull["number"] for pull in found] == [1]
    assert hub.violations == []


@pytest.mark.parametrize(
    ("files", "ref", "status"),
    [
        ({}, "main", 404),
        ({PATH: "on: push\n"}, "main", 422),
        ({PATH: "on: workflow_dispatch\n"}, "gone", 422),
        ({PATH: "on: workflow_dispatch\n"}, "main", 204),
    ],
)
def test_what_can_be_dispatched(hub, repo, bot, ask, files, ref, status):
    """A file that is there, says so, and a branch that is there."""
    if files:
        repo.commit(files)
    path = f"{REPO}/actions/workflows/validate.yml/dispatches"
    answer = ask("POST", path, bot, json={"ref": ref, "inputs": {"job": "a"}})
    assert answer.status_code == status
    assert len(hub.events) == (status == 204)


def test_an_artifact_that_is_gone(repo, bot, ask):
    """It is listed as expired, and there is nothing to download."""
    number = repo.add_run(PATH, "push", repo.head(), artifacts={"report": b"x"})
    [artifact] = repo.artifacts.values()
    artifact.expired = True
    listed = ask("GET", f"{REPO}/actions/runs/{number}/artifacts", bot).json()
    assert listed["artifacts"][0]["expired"]
    assert ask("GET", f"{REPO}/actions/artifacts/{artifact.id}/zip", bot).status_code == 410
