"""What a bot writes below an issue form, and into the pull request made of it; I/O is not handled here.

All text of strangers stands in code, where a forge sees no HTML, no link and no mention.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from neurocaas_ci.forges.forms import Field, Problem
from neurocaas_ci.forges.hosted import Issue
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.onboard.draft import Draft
from neurocaas_ci.report.markdown import block, code
from neurocaas_ci.report.plain import printable

MARKER = "<!-- neurocaas:onboard -->"
"""The comment below an issue that is kept up to date."""

_MOST_LINES, _MOST_LINE = 60, 400
_MOST_TEXT = 4_000
_ITEM = re.compile(r"/([^/]+)(?:/([0-9]+))?")


def refused(problems: Sequence[Problem]) -> str:
    """Return the comment that says what to correct; a person reads it who knows no YAML."""
    lines: list[str] = []
    for problem in problems:
        label = f"{problem.label}: " if problem.label else ""
        lines += [_cut(f"{label}{problem.message}"), _cut(f"    {problem.fix}")]
    left = len(lines) - _MOST_LINES
    if left > 0:
        lines = [*lines[:_MOST_LINES], f"... and {left // 2} more"]
    return (
        "**Nothing was made of this form yet.** Please correct the following in the text of this "
        f"issue (… → Edit) and save it; it is read again then.\n\n{block(lines)}\n\n"
        "The lines that begin with ### are the fields; leave them as they are. A pull request that "
        "was made of this issue before stays as it is."
    )


def problems_of(findings: Sequence[Finding], fields: Sequence[Field]) -> tuple[Problem, ...]:
    """Return findings on a draft in the words of the form it was made of."""
    labels = {field.id: field.label for field in fields}
    return tuple(_problem(finding, labels) for finding in findings)


def proposed(draft: Draft, pull: int) -> str:
    """Return the comment that says where it goes on."""
    goes_on = {
        "signup": "A maintainer decides about it; this issue is closed when it is merged.",
        "job": "Its price and what else it needs is said there; the job runs when it is merged.",
    }
    return (
        f"Your form has become pull request #{pull}. {goes_on[draft.kind]}\n\n"
        "What counts is the file there. Please do not edit this issue any more: a pull request "
        "that differs from its form waits for a maintainer. To change something, close both and "
        "fill in the form again."
    )


def known(login: str) -> str:
    """Return the comment for somebody who has an account."""
    return (
        f"You are a user of this platform already, as {code(login)}; there is nothing to sign up "
        "for. You can close this issue."
    )


def request_body(draft: Draft, issue: Issue, fields: Sequence[Field]) -> str:
    """Return the text of the pull request; the author's wishes are there for the people who decide."""
    who = f"{code(issue.author)} (forge id {issue.author_id})"
    parts = [
        f"Closes #{issue.number}",
        f"Made of the form in #{issue.number}, for {who}, who opened it.",
    ]
    if draft.kind == "signup":
        parts += _wishes(draft, fields)
    return "\n\n".join(parts) + "\n"


def _wishes(draft: Draft, fields: Sequence[Field]) -> Iterator[str]:
    for field in fields:
        text = draft.reading.text(field.id)
        if field.id in {"group", "purpose"} and text:
            lines = text[:_MOST_TEXT].split("\n")
            yield f"{field.label}, in the author's words (nothing was done about it):\n\n" + block(
                [_cut(line) for line in lines]
            )


def _problem(finding: Finding, labels: Mapping[str, str]) -> Problem:
    match = _ITEM.match(finding.location.pointer)
    label = labels.get(match[1], "") if match else ""
    if label and match and match[2]:
        label = f"{label}, no. {int(match[2]) + 1}"
    return Problem(label, f"{finding.message} [{finding.rule}]", finding.fix)


def _cut(line: str) -> str:
    shown = printable(line)
    return shown if len(shown) <= _MOST_LINE else f"{shown[:_MOST_LINE]}..."
