"""By whose right a pull request on GitHub is judged: its author's, or whose form the bot proposed."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from neurocaas_ci.cli.subject import Subject, open_subject
from neurocaas_ci.forges.github import GitHub
from neurocaas_ci.forges.github_issues import GitHubIssues
from neurocaas_ci.forges.hosted import PullFacts
from neurocaas_ci.forges.interface import Candidate
from neurocaas_ci.model.actor import Actor
from neurocaas_ci.onboard.acting import Acting, acting_for
from neurocaas_ci.onboard.draft import draft, forms_of
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.decode import MAX_BYTES

# GitHub gives this ending to accounts of apps, and brackets to no other login.
_BOT = "[bot]"


def proposer(hub: GitHub, facts: PullFacts, subject: Subject, bot: int) -> Acting:
    """Return who acts by a pull request, where `bot` is the account that proposes what forms ask for."""
    if subject.base is None:
        return Acting(Actor(facts.author_id), "the author of the pull request")
    base, head = Registry(subject.base), subject.head
    small = {c.path: head.read(c.path, MAX_BYTES) for c in (subject.changes or ())[:1]}
    return acting_for(
        facts,
        facts.branch,
        {path: content for path, content in small.items() if content is not None},
        bot_id=bot,
        repository=hub.address.repository,
        issue_of=GitHubIssues(hub.address).issue,
        draft_of=lambda issue: draft(issue, forms_of(base), base),
    )


def proposer_of(hub: GitHub, repo: Path, candidate: Candidate) -> int:
    """Return the number of who acts by a candidate, for judgements that give no rights.

    Nobody is asked here which bot is the platform's own, for that takes its key: any may bring a form.
    """
    facts = hub.facts(candidate.pull.number)
    if not facts.author.endswith(_BOT):
        return facts.author_id
    with ExitStack() as stack:
        subject = open_subject(stack, repo, candidate.base, candidate.commit)
        return proposer(hub, facts, subject, facts.author_id).actor.forge_id
