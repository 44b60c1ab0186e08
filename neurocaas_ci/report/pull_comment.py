"""What the bot says below a pull request, of bounded size; I/O is not handled here.

All text of strangers stands in code, where a forge sees no HTML, no link and no mention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.plan import Plan
from neurocaas_ci.report.markdown import code
from neurocaas_ci.report.plan_markdown import as_markdown
from neurocaas_ci.report.plan_words import counted
from neurocaas_ci.report.rebuilds import Rebuild
from neurocaas_ci.report.text import summary

MARKER = "<!-- neurocaas:report -->"
"""The first line of the comment, by which the bot finds it again."""

_MOST_FINDINGS, _MOST_TEXT = 20, 300
_MOST_NAMES = 5
# A comment has 65,536 characters; the plan may take what the rest leaves.
_ROOM = 62_000


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is said about a pull request at one head.

    `problem` says why nothing could be judged; then there is no plan. `environments` are those that
    the change touches; `rebuilds` is None when nobody said anything of them that can be read.
    `objections` say why the bot does not merge it.
    """

    head: str
    plan: Plan | None
    findings: tuple[Finding, ...] = ()
    environments: tuple[str, ...] = ()
    rebuilds: tuple[Rebuild, ...] | None = None
    objections: tuple[str, ...] = ()
    problem: str = ""

    @property
    def errors(self) -> int:
        """Return how many rules would be broken."""
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Return what speaks against the change besides rules."""
        found = [self.problem] if self.problem else []
        known = {one.name for one in self.rebuilds or ()}
        found += [
            f"nobody knows whether the environment {name} can be rebuilt"
            for name in self.environments
            if name not in known
        ]
        found += [
            f"the environment {one.name} is not reproduced: {one.verdict}"
            for one in self.rebuilds or ()
            if one.verdict != "reproduced"
        ]
        return tuple(found)

    @property
    def sound(self) -> bool:
        """Tell whether nothing speaks against the change."""
        return not self.errors and not self.doubts


def headline(report: Report) -> str:
    """Return the state of the pull request and the next step in one line without markup."""
    if report.problem:
        return f"cannot be judged: {report.problem}"
    if not report.sound:
        return f"to be mended: {summary(report.findings) if report.errors else report.doubts[0]}"
    if report.plan is not None and report.plan.level != "auto":
        return f"valid; waits for {_approvers(report.plan)}"
    rest = f"not merged by itself: {report.objections[0]}" if report.objections else ""
    return f"valid; {rest or 'merged by itself'}"


def as_comment(report: Report) -> str:
    """Return the Markdown of the comment, without its marker."""
    parts = [f"**NeuroCAAS: {_plain(headline(report))}**"]
    parts.append(_next_step(report))
    if report.doubts and not report.problem:
        parts.append("\n".join(f"* {code(doubt, _MOST_TEXT)}" for doubt in report.doubts))
    if report.findings:
        parts.append(_findings(report.findings))
    if len(report.objections) > 1 and report.sound:
        parts.append(
            "Why the bot does not merge this:\n"
            + "\n".join(f"* {_plain(o)}" for o in report.objections)
        )
    end = (
        f"<sub>Judged at {code(report.head[:12])}. The same on a laptop: "
        f"`git fetch origin pull/N/head` and `neurocaas plan --head FETCH_HEAD`.</sub>"
    )
    room = _ROOM - len("\n\n".join([*parts, end]).encode())
    if report.plan is not None:
        parts.append(as_markdown(report.plan, room))
    return "\n\n".join([*parts, end]) + "\n"


def _next_step(report: Report) -> str:
    if report.problem:
        return "Next: settle this, and push again."
    if not report.sound:
        return (
            "Next: mend what is listed, commit, and push to the same branch; this comment is brought "
            "up to date. `neurocaas validate --fix` does what is mechanical."
        )
    plan = report.plan
    if plan is not None and plan.level != "auto":
        return f"Next: {_approvers(plan, quoted=True)} reviews and merges it."
    if report.objections:
        return (
            "Next: a maintainer merges it, or the objection is settled and the branch pushed again."
        )
    return "Next: nothing to do. Once it is on main, its jobs show as checks of the merge commit."


def _approvers(plan: Plan, *, quoted: bool = False) -> str:
    names = sorted({n for a in plan.approvals if a.level == plan.level for n in a.approvers})
    kind = "an owner" if plan.level == "owner" else "a maintainer"
    if not names:
        return kind
    shown = [code(name) if quoted else name for name in names[:_MOST_NAMES]]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{kind} ({', '.join(shown)}{more})"


def _findings(findings: Sequence[Finding]) -> str:
    ordered = sorted(findings, key=lambda f: (f.severity != "error", f.location, f.rule))
    lines = []
    for finding in ordered[:_MOST_FINDINGS]:
        place = finding.location
        lines.append(
            f"* **{finding.rule}** {code(f'{place.path}:{place.line}', _MOST_TEXT)} "
            f"{code(finding.message, _MOST_TEXT)}"
        )
        if finding.fix:
            lines.append(f"  fix: {code(finding.fix, _MOST_TEXT)}")
    left = len(ordered) - _MOST_FINDINGS
    if left > 0:
        lines.append(f"* and {counted(left, 'more finding')}: `neurocaas validate` lists all")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return words of ours that may hold a stranger's name, so that nothing in them is markup."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#+!|~@&" else c for c in text)
