"""`neurocaas pr fetch` says by whose right a pull request is to be judged."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "property"))
from form_body import body
from platform_on_github import ADA, MALLORY, PROJECT, REPOSITORY, Bot, job, propose, registry_files

from neurocaas_ci.forges.forms import fields_of
from neurocaas_ci.onboard.draft import FORMS

FIELDS = fields_of(FORMS["job"], (PROJECT / FORMS["job"]).read_bytes())
TYPED = {
    "name": "first",
    "blueprint": "kalman-smoother@1.0.2",
    "datasets": f"store:mouse.npz {'ab' * 32} 1000",
    "pricing": "standard",
}


@pytest.fixture
def repository(hub):
    return hub.create_repository(REPOSITORY, files=registry_files())


@pytest.fixture
def bot(hub, repository, tmp_path):
    return Bot(hub, repository, tmp_path)


def author(bot, number: int) -> int:
    lines = bot.run("pr", "fetch", str(number)).stdout.splitlines()
    found = dict(line.split("=") for line in lines)
    assert list(found) == ["main", "head", "merged", "author"]
    return int(found["author"])


@pytest.fixture
def form(hub, client, bot):
    """The pull request that the bot makes of ada's form."""
    issues = client(hub.token("ada", ADA)).get_repo(REPOSITORY)
    number = issues.create_issue("A form", body=body(FIELDS, TYPED)).number
    return int(bot.run("onboard", "--issue", str(number)).stdout.split()[-1])


def test_whoever_opened_it(hub, repository, bot):
    path, text = job()
    number = propose(hub, repository, "mallory", MALLORY, {path: text})
    assert author(bot, number) == MALLORY


def test_whose_form_the_bot_proposes(bot, form):
    assert author(bot, form) == ADA


def test_nobody_whose_form_reads_otherwise_by_now(hub, client, repository, bot, form):
    ada = client(hub.token("ada", ADA)).get_repo(REPOSITORY)
    text = body(FIELDS, {**TYPED, "parameters": "em_iterations: 500"})
    ada.get_issue(form - 1).edit(body=text)
    assert author(bot, form) == repository.items[form].user.id != ADA
