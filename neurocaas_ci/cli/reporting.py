"""Judge one pull request on GitHub from fetched commits, and write down what was found."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from neurocaas_ci.cli.common import say
from neurocaas_ci.cli.plan import plan_of
from neurocaas_ci.cli.proposer import proposer
from neurocaas_ci.cli.subject import Subject, open_subject
from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.fetching import Fetched, fetch
from neurocaas_ci.forges.github import GitHub
from neurocaas_ci.forges.hosted import Check, Conclusion, PullFacts
from neurocaas_ci.forges.merging import MAIN_MOVED, Judged, objections
from neurocaas_ci.model.actor import Actor
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import between, touched_environments
from neurocaas_ci.report.pull_comment import MARKER, Report, as_comment, headline
from neurocaas_ci.report.rebuilds import Rebuild

CHECK = "neurocaas"
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Reporter:
    """Reports on pull requests of one repository; `repo` is a clone that commits are fetched into.

    `rebuilds` is what is known of environments. Without `merge` nothing is merged, without `write`
    nothing is written to GitHub at all.
    """

    hub: GitHub
    repo: Path
    rebuilds: tuple[Rebuild, ...] | None
    merge: bool
    write: bool

    def on(self, number: int) -> Report | None:
        """Judge a pull request, comment, check, and merge; return None when that is not to be done."""
        for _ in range(_TRIES):
            facts = self.hub.facts(number)
            if facts.state != "open" or facts.base != "main":
                say(f"#{number} is {facts.state} and goes to {facts.base!r}: nothing to do")
                return None
            fetched = fetch(self.repo, self.hub.address, number)
            if fetched.head != facts.head:
                say(f"#{number} has moved meanwhile; the run for its new head reports")
                return None
            report = self._judge(facts, fetched)
            # Others merge too: what was judged has to be what main becomes.
            if MAIN_MOVED not in report.objections:
                break
        if not self.write:
            say(as_comment(report))
            return report
        # Before the merge: a ruleset asks for the check, and an interrupted run has said the truth.
        self._say(number, report)
        if self.merge and report.sound and not report.objections:
            title = f"Merge pull request #{number}: {facts.title}"[:200]
            if not self.hub.merge(number, report.head, title):
                self._say(number, replace(report, objections=("it moved while it was merged",)))
        return report

    def _say(self, number: int, report: Report) -> None:
        text = as_comment(report)
        self.hub.comment(number, MARKER, text)
        conclusion: Conclusion = "success" if report.sound else "failure"
        check = Check(CHECK, "report", "completed", headline(report), text, conclusion)
        self.hub.check(report.head, check)
        say(f"#{number}: {headline(report)}")

    def _judge(self, facts: PullFacts, fetched: Fetched) -> Report:
        """Judge what main would be, as the rules and the plan see it."""
        try:
            merged = fetched.merged()
            own = between(self.repo, fetched.left_main(), fetched.head)
        except UsageError as error:
            return Report(facts.head, None, problem=error.message)
        with ExitStack() as stack:
            subject = open_subject(stack, self.repo, fetched.main, merged)
            plan, findings = plan_of(subject, self._author(facts, subject))
            changes = subject.changes or ()
            touched = touched_environments(changes) & set(Registry(subject.head).iaes())
        report = Report(facts.head, plan, findings, tuple(sorted(touched)), self.rebuilds)
        if not report.sound:
            return report
        judged = Judged(fetched.head, fetched.main, changes, own, findings, plan)
        return replace(report, objections=objections(facts, judged, self.hub.main()))

    def _author(self, facts: PullFacts, subject: Subject) -> Actor:
        """Return by whose right the change is judged: its author, or whose form the bot proposed."""
        acting = proposer(self.hub, facts, subject, self.hub.bot())
        say(f"#{facts.number} is judged by the right of {acting.reason}")
        # Certificates come by the signing environment, not by a branch that others may push to.
        return Actor(acting.actor.forge_id)
