"""What `neurocaas deploy` does: the wish of a registry, and the cloud that it is brought to."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import click

from neurocaas_ci.cli.common import find_repo, main_ref, say
from neurocaas_ci.cli.subject import open_subject
from neurocaas_ci.deploy.apply import IN_REVIEW, Applied, Clock, apply, stamp_of
from neurocaas_ci.deploy.desired import Desired, desired
from neurocaas_ci.deploy.leftover import Concluded
from neurocaas_ci.deploy.template import Json, as_json, stamped
from neurocaas_ci.errors import BackendUnavailableError, FindingsError, UsageError
from neurocaas_ci.model.cloud_names import FOUNDATION, REGISTRY
from neurocaas_ci.registry import Registry

_QUEUE = "AWS::Batch::JobQueue"
_CLOCK = Clock(time.monotonic, time.sleep)


class Parameters(NamedTuple):
    """The parameters of the foundation that the command line gives."""

    subject: str | None = None
    former_subject: str | None = None
    oidc_provider: str | None = None
    email: str | None = None

    def given(self) -> dict[str, str]:
        """Return them by their names in the template."""
        names = ("Subject", "FormerSubject", "OidcProvider", "Email")
        return {k: v for k, v in zip(names, self, strict=True) if v is not None}


class Wish(NamedTuple):
    """What a stack shall be at a commit."""

    stack: str
    commit: str
    template: Json
    problems: tuple[str, ...]
    parameters: dict[str, str]

    def printed(self) -> str:
        """Return the template for people and other tools; raise FindingsError if it is none."""
        self.check()
        return as_json(stamped(self.template, self.commit), indent=2)

    def check(self) -> None:
        """Raise FindingsError when the registry asks for what cannot be deployed."""
        if self.problems:
            raise FindingsError(
                "the registry asks for what cannot be deployed:\n  " + "\n  ".join(self.problems),
                where=self.commit[:12],
                hint="docs/deploy.md explains the limits of AWS",
            )


def wish_of(
    stack: ExitStack,
    repo: Path | None,
    head: str | None,
    parameters: Parameters,
    *,
    fetch: bool,
    foundation: bool,
) -> Wish:
    """Return what main (or `head`) asks for."""
    from neurocaas_ci.registry.catfile import CatFile
    from neurocaas_ci.registry.git import GitTree, head_commit

    root = find_repo(repo)
    commit = head_commit(root, head or main_ref(root, fetch=fetch))
    if foundation:
        from neurocaas_ci.deploy.foundation import foundation_template

        return Wish(FOUNDATION, commit, foundation_template(), (), parameters.given())
    if parameters.given():
        raise UsageError(
            "these are parameters of the foundation", hint="add --foundation, or leave them out"
        )
    objects = stack.enter_context(CatFile(root))
    asked = desired(Registry(GitTree(root, commit, shared=objects)))
    return Wish(REGISTRY, commit, asked.template, asked.problems, {})


def print_plan(
    stack: ExitStack,
    repo: Path | None,
    base: str | None,
    head: str | None,
    form: str,
    *,
    foundation: bool,
) -> None:
    """Print what a change does to the cloud; raise FindingsError when it cannot be deployed."""
    if foundation:
        raise UsageError(
            "the foundation is the same for every commit of a registry",
            hint="`neurocaas deploy --template --foundation` prints it, --status compares it",
        )
    subject = open_subject(stack, repo, base, head)
    before = desired(Registry(subject.base)) if subject.base else None
    _print_plan(
        before.template if before else None,
        subject.base.commit if subject.base else None,
        desired(Registry(subject.head)),
        subject.head_commit,
        form,
    )


def _print_plan(
    before: Json | None, base: str | None, after: Desired, head: str | None, form: str
) -> None:
    from neurocaas_ci.deploy.aws.schemas import immutable_lookup, nothing_known
    from neurocaas_ci.deploy.difference import difference
    from neurocaas_ci.model.deploy import StackPlan
    from neurocaas_ci.report import deploy as report

    known = immutable_lookup()
    changes = difference(before, after.template, known or nothing_known)
    note = ""
    if known is None and any(change.properties for change in changes):
        note = (
            "cfn-lint is not installed: whether a change replaces a resource is unknown; "
            "`pip install cfn-lint` brings the schemas of AWS"
        )
    plan = StackPlan(REGISTRY, base, head, changes, after.problems, note)
    forms = {"json": report.plan_json, "markdown": report.plan_markdown, "text": report.plan_text}
    click.echo(forms[form](plan), nl=False)
    if after.problems:
        raise FindingsError(
            "the registry asks for what cannot be deployed",
            hint="the plan names each problem; change that blueprint or its hardware",
        )


class Cloud:
    """AWS in one region, for one command."""

    def __init__(self, region: str | None) -> None:
        from neurocaas_ci.deploy.aws.session import Clients

        self._clients = Clients(region)

    def plan(self, wish: Wish, form: str) -> None:
        """Print what applying would do now; raise FindingsError when it cannot be done."""
        from neurocaas_ci.deploy.aws.cloudformation import CloudFormationStacks, template_of
        from neurocaas_ci.deploy.aws.session import talking

        state, before = CloudFormationStacks(self._clients).observe(wish.stack), None
        if state is not None and state.status != IN_REVIEW:
            with talking(wish.stack):
                before = template_of(self._clients, wish.stack)
        base = (state.commit or None) if state else None
        _print_plan(before, base, Desired(wish.template, wish.problems), wish.commit, form)

    def apply(self, wish: Wish, wait: int, form: str) -> None:
        """Bring one stack to the wish, and print how it stands then."""
        from neurocaas_ci.deploy.aws.cloudformation import CloudFormationStacks

        wish.check()
        stacks, role = CloudFormationStacks(self._clients), None
        parameters = wish.parameters
        if wish.stack == REGISTRY:
            outputs = stacks.outputs(FOUNDATION)
            if "Bucket" not in outputs:
                raise UsageError(
                    "there is no foundation to build on",
                    where=FOUNDATION,
                    hint="make it once, as an administrator: neurocaas deploy --apply --foundation",
                )
            role = outputs.get("CloudFormationRole")
        else:
            parameters = stacks.parameters(FOUNDATION) | parameters
            if not parameters.get("Subject"):
                raise UsageError(
                    "the repository that may deploy is not named",
                    where="--subject",
                    hint="give OWNER@ID/NAME@ID; docs/deploy.md says where to find it",
                )
        stacks = CloudFormationStacks(self._clients, role)
        done = apply(
            stacks,
            wish.stack,
            wish.template,
            wish.commit,
            clock=_CLOCK,
            patience=wait,
            parameters=parameters,
            protect=wish.stack == FOUNDATION,
            may_remove=self._no_jobs_end,
            say=say,
        )
        _print_applied(done, form)

    def status(self, wish: Wish, form: str) -> None:
        """Print sync and health of a stack."""
        from neurocaas_ci.deploy.aws.batch import BatchEngines
        from neurocaas_ci.deploy.aws.cloudformation import CloudFormationStacks
        from neurocaas_ci.deploy.status import judge_status
        from neurocaas_ci.report.deploy import status_json, status_text

        stacks = CloudFormationStacks(self._clients)
        state = stacks.observe(wish.stack)
        parameters = stacks.parameters(wish.stack) if wish.stack == FOUNDATION else {}
        engines = BatchEngines(self._clients).states() if state and wish.stack == REGISTRY else ()
        status = judge_status(
            wish.stack,
            state,
            wanted=wish.commit,
            template=None if wish.problems else stamp_of(wish.template, parameters),
            engines=engines,
        )
        click.echo((status_json if form == "json" else status_text)([status]), nl=False)

    def drift(self, form: str) -> str:
        """Print what drifted; return what to say about it, or nothing."""
        from neurocaas_ci.deploy.aws.audit import CloudAuditor
        from neurocaas_ci.report.deploy import drift_json, drift_text

        found = CloudAuditor(self._clients, _CLOCK).drifted((FOUNDATION, REGISTRY))
        click.echo((drift_json if form == "json" else drift_text)(found), nl=False)
        return f"{len(found)} things in the cloud are in no commit" if found else ""

    def watchdog(self, form: str, concluded: Concluded | None, *, end: bool) -> str:
        """Print what is left over, end it where asked; return what to say about it, or nothing.

        `concluded` is what main says of jobs; see BatchWatchdog.
        """
        from neurocaas_ci.deploy.aws.watchdog import BatchWatchdog
        from neurocaas_ci.report.deploy import leftovers_json, leftovers_text

        dog = BatchWatchdog(self._clients, time.time(), _CLOCK, concluded)
        found = dog.leftovers()
        for item in found if end else ():
            if item.ends:
                dog.end(item)
        write = leftovers_json if form == "json" else leftovers_text
        click.echo(write(found, ended=end), nl=False)
        left = [item for item in found if not (end and item.ends)]
        return f"{len(left)} things are left over" if left else ""

    def _no_jobs_end(self, removed: Sequence[tuple[str, str]]) -> None:
        """Raise BackendUnavailableError when a queue would go that still has jobs."""
        from neurocaas_ci.deploy.aws.batch import BatchEngines

        names = [name.rpartition("/")[2] for kind, name in removed if kind == _QUEUE]
        if busy := BatchEngines(self._clients).busy(names):
            shown = ", ".join(f"{name} ({count} jobs)" for name, count in sorted(busy.items()))
            raise BackendUnavailableError(
                f"this change deletes queues in which jobs have not ended: {shown}",
                where=REGISTRY,
                hint="nothing has been changed; apply again when they have ended, or cancel them",
            )


def _print_applied(done: Applied, form: str) -> None:
    if form == "json":
        document = {
            "schema": "neurocaas/deploy-applied/v1",
            "stack": done.stack,
            "changed": done.changed,
            "commit": done.state.commit,
            "template": done.state.template,
        }
        click.echo(json.dumps(document, indent=2))
        return
    word = "deployed" if done.changed else "nothing to do, it is as deployed by"
    click.echo(f"{done.stack}: {word} {done.state.commit[:12]}")
