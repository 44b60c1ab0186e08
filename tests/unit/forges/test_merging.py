"""The bot merges only what it judged, as it judged it, and nothing out of the ordinary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from neurocaas_ci.forges.hosted import PullFacts, PullFile
from neurocaas_ci.forges.merging import HOLD, MAX_FILES, Judged, objections
from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.model.plan import Approval, Plan
from neurocaas_ci.registry.changes import Change

HEAD, MAIN = "a" * 40, "b" * 40
JOB = "registry/jobs/ada/2026-11/first.yaml"
ADDED = Change(JOB, "added", "000000", "100644", "0" * 40, "1" * 40)
OWN = Approval(JOB, None, "added", "auto", "the author's own job, valid and within budget")
FACTS = PullFacts(
    number=7,
    title="A job",
    author="ada",
    author_id=101,
    state="open",
    draft=False,
    base="main",
    base_commit=MAIN,
    head=HEAD,
    branch="first",
    head_repository="ada/registry",
    mergeable=True,
    labels=(),
    changed_files=1,
    files=(PullFile(JOB, "added"),),
)
JUDGED = Judged(HEAD, MAIN, (ADDED,), (ADDED,), (), Plan(MAIN, HEAD, "ada", (), (OWN,)))


def _changed(**values: Any) -> Judged:
    one = ADDED._replace(**values)
    return replace(JUDGED, changes=(one,), own=(one,))


def test_an_own_valid_job_is_merged() -> None:
    assert objections(FACTS, JUDGED, MAIN) == ()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda f: replace(f, state="closed"), "closed"),
        (lambda f: replace(f, state="merged"), "merged"),
        (lambda f: replace(f, draft=True), "draft"),
        (lambda f: replace(f, labels=("x", HOLD)), "label"),
        (lambda f: replace(f, base="other"), "main"),
        (lambda f: replace(f, head="c" * 40), "moved"),
        (lambda f: replace(f, mergeable=False), "conflicts"),
        (lambda f: replace(f, changed_files=4000), "listed"),
        (lambda f: replace(f, changed_files=2), "listed"),
        (lambda f: replace(f, files=(), changed_files=0), "those of the commit"),
        (lambda f: replace(f, files=(PullFile("registry/jobs/x", "added"),)), "those of the commit"),
        (lambda f: replace(f, files=(PullFile(JOB, "modified"),)), "those of the commit"),
        (lambda f: replace(f, files=(PullFile(JOB, "removed"),)), "more than add"),
        (lambda f: replace(f, files=(PullFile(JOB, "renamed", "docs/x"),)), "more than add"),
        # A forge that says `added` and still names where the file was.
        (lambda f: replace(f, files=(PullFile(JOB, "added", "docs/x"),)), "more than add"),
        (lambda f: replace(f, files=(PullFile(JOB, "copied"),)), "more than add"),
    ],
)  # fmt: skip
def test_what_the_forge_says_must_be_plain(
    change: Callable[[PullFacts], PullFacts], word: str
) -> None:
    (found,) = objections(change(FACTS), JUDGED, MAIN)
    assert word in found


@pytest.mark.parametrize(
    ("judged", "word"),
    [
        (replace(JUDGED, findings=(Finding("NC-J001", "error", Location(JOB), "m", "f"),)), "rule"),
        (_changed(mode="100755"), "ordinary"),
        (_changed(mode="120000"), "ordinary"),
        (_changed(mode="160000"), "ordinary"),
        (_changed(old_mode="100755"), "ordinary"),
        (_changed(old_path="docs/x"), "ordinary"),
        (replace(JUDGED, changes=(ADDED, ADDED._replace(path="README.md"))), "other files"),
        (replace(JUDGED, plan=JUDGED.plan.__class__(MAIN, HEAD, "ada", (), ())), "nothing"),
        *(
            (replace(JUDGED, plan=replace(JUDGED.plan, approvals=(replace(OWN, level=level),))), level)
            for level in ("owner", "maintainer")
        ),
    ],
)  # fmt: skip
def test_what_was_judged_must_be_plain(judged: Judged, word: str) -> None:
    (found,) = objections(FACTS, judged, MAIN)
    assert word in found


def test_git_knows_before_the_forge_does() -> None:
    assert objections(replace(FACTS, mergeable=None), JUDGED, MAIN) == ()


def test_a_warning_does_not_hold_it_up() -> None:
    judged = replace(JUDGED, findings=(Finding("NC-J001", "warning", Location(JOB), "m", "f"),))
    assert objections(FACTS, judged, MAIN) == ()


def test_main_must_not_have_moved() -> None:
    assert objections(FACTS, JUDGED, "c" * 40) == ("main has moved since it was judged",)


def test_a_hundred_jobs_are_merged_and_ten_thousand_are_not() -> None:
    def with_jobs(count: int) -> tuple[PullFacts, Judged]:
        changes = tuple(ADDED._replace(path=f"{JOB}{n:05}") for n in range(count))
        files = tuple(PullFile(change.path, "added") for change in changes)
        plan = replace(
            JUDGED.plan, approvals=tuple(replace(OWN, path=change.path) for change in changes)
        )
        facts = replace(FACTS, changed_files=count, files=files)
        return facts, replace(JUDGED, changes=changes, own=changes, plan=plan)

    assert objections(*with_jobs(100), MAIN) == ()
    assert objections(*with_jobs(MAX_FILES + 1), MAIN) == (
        f"it changes more than {MAX_FILES:,} files",
    )
