"""Decide whether the bot may merge a pull request by itself; I/O is not handled here.

The bot merges what needs nobody's approval, and only when what it judged is all that the merge
brings: the same head, onto the same main, with the files that the forge lists, all of them ordinary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurocaas_ci.forges.hosted import PullFacts
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.plan import Plan
from neurocaas_ci.registry.changes import Change
from neurocaas_ci.registry.tree import REGULAR

HOLD = "hold"
"""A pull request with this label is left alone."""

MAIN_MOVED = "main has moved since it was judged"
"""Then it is judged again."""

MAX_FILES = 1_000
"""Nobody submits more jobs at once without meaning harm or having made a mistake."""

_NOTHING = "000000"
_ORDINARY = {"added", "modified"}


@dataclass(frozen=True, slots=True)
class Judged:
    """What was judged: the head that was fetched, the main it would be merged into, the result.

    `changes` lie between that main and the merge; `own` between the commit where the pull request
    left main and its head, which is what the forge lists.
    """

    head: str
    main: str
    changes: Sequence[Change]
    own: Sequence[Change]
    findings: Sequence[Finding]
    plan: Plan


def objections(facts: PullFacts, judged: Judged, main_now: str) -> tuple[str, ...]:
    """Return why the bot does not merge this, in plain words; empty when it may.

    `main_now` is read as late as possible.
    """
    found = [*_moment(facts, judged, main_now), *_listing(facts, judged)]
    errors = sum(finding.severity == "error" for finding in judged.findings)
    if errors:
        found.append(f"{errors} rule{'' if errors == 1 else 's'} would be broken")
    found += _modes(judged.changes) or _modes(judged.own)
    if judged.plan.level != "auto":
        found.append(f"it needs the approval of a{_article(judged.plan.level)}")
    elif not judged.plan.approvals:
        found.append("it changes nothing that could be judged")
    return tuple(dict.fromkeys(found))


def _moment(facts: PullFacts, judged: Judged, main_now: str) -> list[str]:
    found = []
    if facts.state != "open":
        found.append(f"it is {facts.state}")
    if facts.draft:
        found.append("it is a draft")
    if HOLD in facts.labels:
        found.append(f"it has the label `{HOLD}`")
    if facts.base != "main":
        found.append("it does not go to main")
    if facts.head != judged.head:
        found.append("its head has moved since it was judged")
    if judged.main != main_now:
        found.append(MAIN_MOVED)
    # While GitHub does not know yet, git does: the merge that was judged has no conflict.
    if facts.mergeable is False:
        found.append("it conflicts with main")
    return found


def _listing(facts: PullFacts, judged: Judged) -> list[str]:
    if not facts.complete:
        return [f"only {len(facts.files):,} of its {facts.changed_files:,} files are listed"]
    if facts.changed_files > MAX_FILES:
        return [f"it changes more than {MAX_FILES:,} files"]
    if any(file.status not in _ORDINARY or file.old_path is not None for file in facts.files):
        return ["it does more than add or change files"]
    listed = sorted((file.path, file.status) for file in facts.files)
    fetched = sorted((change.path, change.status) for change in judged.own)
    merged = sorted((change.path, change.status) for change in judged.changes)
    if listed != fetched:
        return ["the listed files are not those of the commit that was judged"]
    if listed != merged:
        return ["merging it changes other files than those that it lists"]
    return []


def _modes(changes: Sequence[Change]) -> list[str]:
    ordinary = all(
        change.mode == REGULAR
        and change.old_mode in {REGULAR, _NOTHING}
        and change.old_path is None
        for change in changes
    )
    return [] if ordinary else ["it holds something else than ordinary files"]


def _article(level: str) -> str:
    return "n owner" if level == "owner" else f" {level}"
