"""Judge one pull request on GitHub from fetched commits, and write down what was found."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from neurocaas_ci.cli.common import say
from neurocaas_ci.cli.plan import plan_of
from neurocaas_ci.cli.subject import open_subject
from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.fetching import Fetched, fetch
from neurocaas_ci.forges.github import GitHub
from neurocaas_ci.forges.hosted import Check, PullFacts
from neurocaas_ci.forges.merging import Judged, objections
from neurocaas_ci.model.actor import Actor
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import between
from neurocaas_ci.report.pull_comment import MARKER, Report, as_comment, headline
from neurocaas_ci.report.rebuilds import Rebuild

CHECK = "neurocaas"


def report_on(
    stack: ExitStack,
    hub: GitHub,
    repo: Path,
    number: int,
    rebuilds: tuple[Rebuild, ...] | None,
    *,
    merge: bool,
    write: bool,
) -> Report | None:
    """Judge a pull request, comment, check, and merge; return None when it is not open any more."""
    facts = hub.facts(number)
    if facts.state != "open" or facts.base != "main":
        say(f"#{number} is {facts.state} and goes to {facts.base!r}: nothing to do")
        return None
    fetched = fetch(repo, hub.address, number)
    if fetched.head != facts.head:
        say(f"#{number} has moved meanwhile; the run for its new head reports")
        return None
    report, judged = _judge(stack, repo, facts, fetched, rebuilds)
    if judged is not None:
        against = objections(facts, judged, hub.main()) if report.sound else ()
        may = merge and report.sound and not against
        report = replace(report, objections=against if merge else (*against, "it was asked not to"))
        if may:
            title = f"Merge pull request #{number}: {facts.title}"[:200]
            merged = hub.merge(number, judged.head, title)
            gone = () if merged else ("it moved while it was merged",)
            report = replace(report, objections=gone, merged=merged)
    text = as_comment(report)
    if not write:
        say(text)
        return report
    # The check last: whoever sees it can read the comment.
    hub.comment(number, MARKER, text)
    hub.check(facts.head, _check_of(report, text))
    say(f"#{number}: {headline(report)}")
    return report


def _judge(
    stack: ExitStack,
    repo: Path,
    facts: PullFacts,
    fetched: Fetched,
    rebuilds: tuple[Rebuild, ...] | None,
) -> tuple[Report, Judged | None]:
    """Judge what main would be, as the rules and the plan see it."""
    try:
        merged = fetched.merged()
        own = between(repo, fetched.left_main(), fetched.head)
    except UsageError as error:
        return Report(facts.head, None, problem=error.message), None
    subject = open_subject(stack, repo, fetched.main, merged)
    plan, findings = plan_of(subject, Actor(facts.author_id))
    judged = Judged(fetched.head, fetched.main, subject.changes or (), own, findings, plan)
    touched = {path.split("/")[1] for c in judged.changes for path in (c.path, c.old_path)
               if path and path.startswith("iae/") and path.count("/") > 1}  # fmt: skip
    there = tuple(sorted(touched & set(Registry(subject.head).iaes())))
    return Report(facts.head, plan, findings, there, rebuilds), judged


def _check_of(report: Report, text: str) -> Check:
    return Check(
        CHECK,
        "report",
        "completed",
        headline(report),
        text,
        "success" if report.sound else "failure",
    )
