"""For whom a pull request acts: each thing that must hold, taken away one at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.forms import Reading
from neurocaas_ci.forges.hosted import Issue, PullFacts, PullFile
from neurocaas_ci.model.actor import Actor
from neurocaas_ci.onboard.acting import acting_for
from neurocaas_ci.onboard.draft import Draft, Known, Refusal

BOT, ADA, MALLORY = 77, 1001, 6666
PATH = "registry/jobs/ada/2026-11/x.yaml"
PULL = PullFacts(
    number=9, title="Submit job", author="bot", author_id=BOT, state="open", draft=False, base="main",
    base_commit="0" * 40, head="1" * 40, branch="job/7", head_repository="Lab/Platform", mergeable=True, labels=(),
    changed_files=1, files=(PullFile(PATH, "added"),),
)  # fmt: skip
ISSUE = Issue(5, "x", "body", "ada", ADA, (), "open", datetime(2026, 11, 1, tzinfo=UTC))
DRAFT = Draft("job", PATH, b"job", "job/5", "Submit job", Reading({}))


def _acting(pull=PULL, branch="job/5", contents=None, issue=ISSUE, draft=DRAFT):
    asked = []

    def issue_of(number):
        asked.append(number)
        if issue is None:
            raise UsageError("there is no such issue")
        return issue

    who = acting_for(
        pull, branch, {PATH: b"job"} if contents is None else contents, bot_id=BOT,
        repository="lab/platform", issue_of=issue_of, draft_of=lambda _: draft,
    )  # fmt: skip
    assert who.reason
    return who.actor, asked


def test_the_bot_acts_for_the_author_of_the_issue():
    assert _acting() == (Actor(ADA), [5])


def test_a_person_acts_alone_whatever_the_branch_is_called():
    assert _acting(replace(PULL, author_id=MALLORY)) == (Actor(MALLORY), [])


@pytest.mark.parametrize("branch", ["certificates/2026-11", "jobs/5", "x/job/5"])
def test_other_branches_of_the_bot_are_the_platforms(branch):
    assert _acting(branch=branch) == (Actor(BOT, platform=True), [])


@pytest.mark.parametrize("branch", ["job/05", "job/5x", "job/", "job/5/6", "JOB/5", "job/-5", "job/\u0665", "job/5\n"])  # fmt: skip
def test_odd_names_act_for_nobody(branch):
    assert _acting(branch=branch) == (Actor(BOT), [])


@pytest.mark.parametrize("name", ["mallory/platform", "lab/platform2", None])
def test_a_branch_of_another_repository_acts_for_nobody(name):
    for branch in ("job/5", "certificates/1"):
        assert _acting(replace(PULL, head_repository=name), branch) == (Actor(BOT), [])


@pytest.mark.parametrize(
    "changes",
    [
        {"changed_files": 2},
        {"files": (PullFile(PATH, "modified"),)},
        {"files": (PullFile(PATH, "renamed", "registry/users/ada.yaml"),)},
        {"files": (PullFile(PATH, "added"), PullFile("x", "added")), "changed_files": 2},
        {"files": (), "changed_files": 0},
    ],
)
def test_more_than_one_new_file_acts_for_nobody(changes):
    assert _acting(replace(PULL, **changes)) == (Actor(BOT), [])


@pytest.mark.parametrize(
    "changes",
    [
        {"contents": {PATH: b"other"}},
        {"contents": {}},
        {"pull": replace(PULL, files=(PullFile("registry/jobs/ada/2026-11/y.yaml", "added"),))},
        {"draft": replace(DRAFT, branch="signup/5")},
        {"draft": replace(DRAFT, content=b"job2")},
        {"draft": Refusal("job", ())},
        {"draft": Known("ada")},
        {"draft": None},
        {"issue": replace(ISSUE, number=6)},
        {"issue": None},
    ],
)
def test_what_the_issue_does_not_ask_for_acts_for_nobody(changes):
    assert _acting(**changes) == (Actor(BOT), [5])
