"""`neurocaas deploy`: bring the platform in the cloud to what main says, and look after it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from neurocaas_ci.cli.common import fetch_option
from neurocaas_ci.cli.deploying import Cloud, Parameters, Wish, wish_of
from neurocaas_ci.errors import FindingsError, UsageError


@click.command("deploy", short_help="Bring the platform in the cloud to what main says.")
@click.option(
    "--plan",
    "mode",
    flag_value="plan",
    default="plan",
    help="Say what a change does to the cloud; needs no credentials.  [default]",
)
@click.option(
    "--deployed",
    is_flag=True,
    help="Plan: compare main with what is deployed; needs credentials.",
)
@click.option("--apply", "mode", flag_value="apply", help="Bring the cloud to what main says.")
@click.option("--status", "mode", flag_value="status", help="Say how the cloud stands.")
@click.option(
    "--drift", "mode", flag_value="drift", help="Find what is in the cloud and in no commit."
)
@click.option(
    "--watchdog",
    "mode",
    flag_value="watchdog",
    help="Find jobs, machines and roles that should have ended.",
)
@click.option(
    "--template", "mode", flag_value="template", help="Print the CloudFormation template."
)
@click.option(
    "--foundation",
    is_flag=True,
    help="Of the foundation (storage, network, identities), not of the registry.",
)
@click.option(
    "--end", is_flag=True, help="With --watchdog: end them. Without, they are only shown."
)
@click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The registry: a git repository or a plain folder (default: the one around this folder).",
)
@click.option(
    "--base", metavar="REV", help="Plan: compare with this commit (default: where main was left)."
)
@click.option(
    "--head", metavar="REV", help="Take this commit (default: main; for a plan the files here)."
)
@fetch_option
@click.option("--region", envvar="AWS_REGION", help="Region of AWS.  [env: AWS_REGION]")
@click.option(
    "--wait",
    type=click.IntRange(min=0),
    default=1800,
    show_default=True,
    help="Apply: seconds to wait for CloudFormation.",
)
@click.option("--subject", help="Foundation: the repository as GitHub writes it, OWNER@ID/NAME@ID.")
@click.option("--former-subject", help="Foundation: a second form of it, while it changes.")
@click.option("--oidc-provider", help="Foundation: ARN of the account's provider for GitHub.")
@click.option("--email", help="Foundation: where alarms of budgets go.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="Form of what is on stdout (markdown: of a plan only).",
)
def command(
    mode: str, repo: Path | None, base: str | None, head: str | None, region: str | None, wait: int,
    subject: str | None, former_subject: str | None, oidc_provider: str | None, email: str | None,
    form: str, *, foundation: bool, end: bool, fetch: bool, deployed: bool,
) -> None:  # fmt: skip
    """Bring the platform in the cloud to what main says, or say how it stands.

    A plan compares what two commits ask of AWS, without asking AWS. All else, and a plan against
    what is deployed, needs credentials of the role `neurocaas-deploy` (the foundation: of an
    administrator). Applying twice is harmless, and goes on where the first was stopped. Exits with
    10 when the registry asks for what cannot be deployed, when something drifted, or when something
    is left over that was not ended; with 12 when CloudFormation took a change back; with 16 when
    trying again can help.
    """
    _check(mode, form, end=end, foundation=foundation)
    if deployed and (mode != "plan" or base or foundation):
        raise UsageError(
            "--deployed is a base of a plan of the registry",
            hint="leave --base, --foundation and other modes out",
        )
    given = Parameters(subject, former_subject, oidc_provider, email)
    with ExitStack() as stack:
        if mode == "plan" and not deployed:
            from neurocaas_ci.cli.deploying import print_plan

            print_plan(stack, repo, base, head, form, foundation=foundation)
            return
        if mode in {"drift", "watchdog"}:
            cloud = Cloud(region)
            if mode == "drift":
                found = cloud.drift(form)
            else:
                from neurocaas_ci.cli.concluded import concluded_in

                concluded = concluded_in(stack, repo, head, fetch=fetch)
                found = cloud.watchdog(form, concluded, end=end)
            if found:
                raise FindingsError(found, hint="docs/deploy.md says what to do about each")
            return
        wish = wish_of(stack, repo, head, given, fetch=fetch, foundation=foundation)
        _act(mode, wish, region, wait, form)


def _act(mode: str, wish: Wish, region: str | None, wait: int, form: str) -> None:
    if mode == "template":
        click.echo(wish.printed())
    elif mode == "plan":
        Cloud(region).plan(wish, form)
    elif mode == "status":
        Cloud(region).status(wish, form)
    else:
        Cloud(region).apply(wish, wait, form)


def _check(mode: str, form: str, *, end: bool, foundation: bool) -> None:
    if end and mode != "watchdog":
        raise UsageError("--end belongs to --watchdog", hint="add --watchdog")
    if form == "markdown" and mode != "plan":
        raise UsageError("only a plan has the form markdown", where="--format", hint="take json")
    if foundation and mode in {"drift", "watchdog"}:
        raise UsageError(
            f"--{mode} looks at everything of the platform", hint="leave --foundation out"
        )
