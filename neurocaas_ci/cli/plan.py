"""`neurocaas plan`: say what merging a change does, what it costs, and who has to approve it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from neurocaas_ci.cli.subject import Subject, change_options, find_author, judgement, open_subject
from neurocaas_ci.errors import FindingsError
from neurocaas_ci.model.actor import Actor
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.ledger import opening
from neurocaas_ci.model.money import Microdollars
from neurocaas_ci.model.plan import Plan, PlannedStep
from neurocaas_ci.model.registry import Job
from neurocaas_ci.plan.jobs import ExpectedOf
from neurocaas_ci.registry import Registry


@click.command("plan", short_help="Say what merging a change does, and what it costs.")
@change_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="Form of the plan on stdout.",
)
def command(
    repo: Path | None, base: str | None, head: str | None, author: str | None, form: str
) -> None:
    """Say what merging a change makes the platform do, what it costs at most, and who has to approve.

    Nothing is run, built or changed. Exits with 10 when something speaks against the change (see
    `neurocaas validate`); the plan is printed all the same, and nothing in it is approved by itself.
    """
    with ExitStack() as stack:
        subject = open_subject(stack, repo, base, head)
        plan, findings = plan_of(subject, find_author(subject, author))
        click.echo(rendered(plan, form), nl=False)
    if any(finding.severity == "error" for finding in findings):
        from neurocaas_ci.report.text import summary

        raise FindingsError(
            f"this cannot be merged: {summary(findings)}", hint="`neurocaas validate` shows them"
        )


def plan_of(subject: Subject, author: Actor | None) -> tuple[Plan, tuple[Finding, ...]]:
    """Judge a change and plan it; return both."""
    from neurocaas_ci.certify.layout import certificate_path
    from neurocaas_ci.plan.build import make_plan

    base = Registry(subject.base) if subject.base else None
    head = Registry(subject.head)
    findings = judgement(subject, author)
    plan = make_plan(
        base,
        head,
        subject.changes,
        author=author,
        errors=any(finding.severity == "error" for finding in findings),
        balance_of=subject.balance_of or opening,
        certified=lambda job: subject.head.read(certificate_path(job), 0) is not None,
        expected_of=_expected(subject),
        published=subject.published or (lambda _name, _version: None),
        commits=(subject.base.commit if subject.base else None, subject.head_commit),
    )
    return plan, findings


def _expected(subject: Subject) -> ExpectedOf | None:
    base = subject.base
    if base is None:
        return None

    def expected(job: Job, steps: tuple[PlannedStep, ...]) -> tuple[Microdollars, int] | None:
        from neurocaas_ci.audit.estimate import expected_cost

        return expected_cost(base, job, steps)

    return expected


def rendered(plan: Plan, form: str) -> str:
    """Return the plan in one of the forms of the command."""
    if form == "json":
        from neurocaas_ci.report.plan_json import as_json

        return as_json(plan)
    if form == "markdown":
        from neurocaas_ci.report.plan_markdown import as_markdown

        return as_markdown(plan)
    from neurocaas_ci.report.plan_text import as_text

    return as_text(plan)
