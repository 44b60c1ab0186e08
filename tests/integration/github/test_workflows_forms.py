"""Issue forms by the workflow files, run by act: from what a person fills in to what comes of it."""

from __future__ import annotations

import sys
from pathlib import Path

import github
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "property"))
import workflow_world
from form_body import body
from platform_on_github import ADA, MALLORY, PROJECT
from workflow_world import dataset, names, told

from neurocaas_ci.forges.forms import fields_of
from neurocaas_ci.onboard.draft import FORMS

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(600)]

_template, platform, world = (
    workflow_world._template,
    workflow_world.platform,
    workflow_world.world,
)

FIELDS = {kind: fields_of(path, (PROJECT / path).read_bytes()) for kind, path in FORMS.items()}
SIGN_UP = {"name": "Lin Example", "group": "example-lab", "terms": FIELDS["signup"][-1].options}
JOB = {"name": "first", "blueprint": "probe@1.0.0", "pricing": "standard", "max_runtime": "1m"}
ENTRY = f"store:a.txt {'ab' * 32} 2"
APP = "neurocaas[bot]"


def open_issue(hub, login: str, number: int, text: str) -> int:
    """Open an issue as somebody whose browser ends lines as the web does; return its number."""
    client = github.Github(
        base_url=hub.base, auth=github.Auth.Token(hub.token(login, number).value), retry=None,
        seconds_between_requests=0, seconds_between_writes=0,
    )  # fmt: skip
    with client:
        repository = client.get_repo("acme/registry")
        return int(repository.create_issue("A form", body=text.replace("\n", "\r\n")).number)


def pulls(repository) -> dict[int, object]:
    return {number: item for number, item in repository.items.items() if item.pull is not None}


def answer(repository, number: int) -> str:
    """Return the one comment below an issue or a pull request, which is the bot's."""
    (comment,) = repository.comments_of(number)
    assert comment.user.login == APP
    return comment.body


def test_a_sign_up_waits_for_a_maintainer(world):
    hub, repository, actions, _ = world
    number = open_issue(hub, "lin", 3003, body(FIELDS["signup"], SIGN_UP))
    main = repository.head()
    runs = actions.deliver()
    assert names(runs) == [
        ("onboard.yml", "success"),
        ("validate.yml", "success"),
        ("report.yml", "success"),
    ], told(runs)
    ((pull, item),) = pulls(repository).items()
    assert item.user.login == APP
    assert item.pull.head == f"signup/{number}"
    content = repository.read("registry/users/lin.yaml", item.pull.head_sha)
    assert content.startswith(b"schema: neurocaas/user/v1\nlogin: lin\nforge_id: 3003\n")
    assert f"pull request #{pull}" in answer(repository, number)
    assert "maintainer" in answer(repository, pull)
    assert item.pull.merged_at is None
    assert repository.head() == main
    assert hub.violations == []


def test_a_job_by_form_is_merged_run_and_certified(world):
    hub, repository, actions, platform = world
    entry = dataset(actions, platform)
    line = f"{entry['uri']} {entry['sha256']} {entry['size']}"
    number = open_issue(hub, "ada", ADA, body(FIELDS["job"], {**JOB, "datasets": line}))
    runs = actions.deliver()
    assert names(runs) == [
        ("onboard.yml", "success"),
        ("validate.yml", "success"),
        ("report.yml", "success"),
        ("run.yml", "success"),
    ], told(runs)
    ((pull, item),) = pulls(repository).items()
    assert item.user.login == APP
    assert item.pull.merged_at
    assert f"pull request #{pull}" in answer(repository, number)
    month = repository.items[number].created[:7]
    assert repository.read(f"registry/jobs/ada/{month}/first.yaml")
    assert repository.read(f"certificates/ada/{month}/first.sigstore.json"), told(runs)
    assert hub.violations == []


@pytest.mark.parametrize(
    ("login", "number", "text", "why"),
    [
        (
            "ada", ADA,
            body(FIELDS["job"], {**JOB, "datasets": ENTRY, "name": "first\n\n### Pricing\n\nsave"}),
            "Pricing: ",
        ),
        (
            "mallory", MALLORY,
            body(FIELDS["job"], {**JOB, "datasets": ENTRY, "parameters": "user: ada"}),
            "no user file",
        ),
        ("grace", MALLORY, body(FIELDS["signup"], SIGN_UP), "belongs to somebody else"),
    ],
    ids=["a heading within a field", "a job in another's name", "another's login"],
)  # fmt: skip
def test_a_hostile_form_is_told_what_is_wrong_and_proposes_nothing(world, login, number, text, why):
    hub, repository, actions, _ = world
    main = repository.head()
    number = open_issue(hub, login, number, text)
    runs = actions.deliver()
    assert names(runs) == [("onboard.yml", "success")], told(runs)
    assert why in answer(repository, number), told(runs)
    assert pulls(repository) == {}
    assert repository.head() == main
    assert hub.violations == []


def test_an_issue_that_is_no_form_is_left_alone(world):
    hub, repository, actions, _ = world
    number = open_issue(hub, "lin", 3003, "It does not work.\n\n### Pricing\n\nIs it free?")
    runs = actions.deliver()
    assert names(runs) == [("onboard.yml", "success")], told(runs)
    assert repository.comments_of(number) == []
    assert pulls(repository) == {}
