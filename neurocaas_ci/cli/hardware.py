"""`neurocaas hardware`: the resource bank, and its prices as AWS says them today."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from neurocaas_ci.cli.common import fetch_option, find_repo, main_ref, on_terminal, repo_option, say
from neurocaas_ci.errors import FindingsError, NeurocaasError, UsageError
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.report.hardware import as_json, as_text

if TYPE_CHECKING:
    from neurocaas_ci.hardware.interface import Market
    from neurocaas_ci.hardware.revise import Revision
    from neurocaas_ci.model.registry import Hardware

_FOLDER = "registry/hardware"
_OLD_DAYS = 90
# As in the schema of hardware: a path is made of it.
_ID = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
_format = click.option("--format", "style", type=click.Choice(["text", "json"]), default="text")


@click.group("hardware", short_help="List hardware, and look up its prices at AWS.")
def command() -> None:
    """Show the resource bank of a registry, and propose today's prices.

    Prices are files of the registry with a source and a date. They move by a merged pull request only,
    and jobs that were merged before keep the price of their commit.
    """


@command.command("list", short_help="List hardware types with their prices.")
@_format
@repo_option
@fetch_option
def list_(style: str, repo: Path | None, *, fetch: bool) -> None:
    """List the hardware types on main with prices per hour and how old these are."""
    repo = find_repo(repo)
    today = datetime.now(UTC).date()
    with GitTree(repo, main_ref(repo, fetch=fetch)) as main:
        machines = _every(Registry(main))
    if style == "json":
        rows = [as_json(machine, today) for machine in machines]
        shown = {"schema": "neurocaas/hardware-list/v1", "commit": main.commit, "hardware": rows}
        click.echo(json.dumps(shown, indent=2))
        return
    click.echo(as_text(machines, today))
    from neurocaas_ci.report.hardware import age

    old = [m.id for m in machines if m.provider == "aws" and (age(m, today) or 0) > _OLD_DAYS]
    if old:
        say(
            f"note: {len(old)} prices of AWS are more than {_OLD_DAYS} days old; "
            "`neurocaas hardware refresh` looks them up"
        )


@command.command("show", short_help="Show one hardware type.")
@click.argument("name", metavar="ID")
@_format
@repo_option
@fetch_option
def show(name: str, style: str, repo: Path | None, *, fetch: bool) -> None:
    """Show the hardware type ID: what it is, what it costs, who says so, and which analyses may use it."""
    repo = find_repo(repo)
    today = datetime.now(UTC).date()
    with GitTree(repo, main_ref(repo, fetch=fetch)) as main:
        registry = Registry(main)
        machine = _known(registry, name)
        loaded = [registry.blueprint(one).value for one in registry.blueprints()]
    used = sorted(
        {
            b.name
            for b in loaded
            if b is not None and any(name in s.hardware_allowed for s in b.steps)
        }
    )
    facts = {**as_json(machine, today), "allowed_by": used}
    if style == "json":
        click.echo(json.dumps({"schema": "neurocaas/hardware/v1", **facts}, indent=2))
        return
    from neurocaas_ci.report.plain import printable

    click.echo(as_text([machine], today))
    click.echo(f"source: {printable(machine.source)}")
    click.echo(f"allowed by: {', '.join(map(printable, used)) or 'no analysis'}")


@command.command("refresh", short_help="Look up prices at AWS and propose them.")
@click.argument("names", nargs=-1, metavar="[IDS]...")
@click.option("--region", default="us-east-1", show_default=True, help="Whose prices.")
@click.option("--dry-run", is_flag=True, help="Say what would change; propose nothing.")
@click.option("--force", is_flag=True, help="Also prices that change by more than a factor of 10.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Also write what AWS answered there, a file per type.",
)
@_format
@repo_option
@fetch_option
def refresh(
    names: tuple[str, ...],
    region: str,
    keep: Path | None,
    style: str,
    repo: Path | None,
    *,
    dry_run: bool,
    force: bool,
    fetch: bool,
) -> None:
    """Look up the prices of hardware of AWS and open a pull request with those that changed.

    IDS are types in the registry (default: all of provider `aws`) or new ones, such as g6.2xlarge or
    fargate-4vcpu-16gb. Asked are the price list, 30 days of spot prices, and the description of
    the type. Nothing is proposed while one of them cannot be priced. The credentials are those that
    boto3 finds; they need pricing:GetProducts, ec2:DescribeSpotPriceHistory and
    ec2:DescribeInstanceTypes.
    """
    repo = find_repo(repo)
    from neurocaas_ci.cli.forge_of import forge_of
    from neurocaas_ci.cli.github_option import lend_credentials
    from neurocaas_ci.hardware import words
    from neurocaas_ci.hardware.aws import AwsMarket

    # Before AWS is asked: without a forge all of it would be in vain.
    lend_credentials(repo)
    forge = None if dry_run else forge_of(repo)
    now = datetime.now(UTC)
    with GitTree(repo, main_ref(repo, fetch=fetch)) as main:
        asked = _asked(Registry(main), names)
        revisions = _revisions(AwsMarket(region), main, asked, region, now, force=force)
        if keep:
            _keep(keep, revisions)
        changed = [revision for revision in revisions if revision.content is not None]
        pull = None
        _show(changed, style, region)
        if not changed:
            say(f"nothing to propose: {len(revisions)} prices are what they were")
        elif forge is not None:
            from neurocaas_ci.cli.price_proposal import branch_for, propose

            text = words.message(changed, region, now.date())
            files = {_path(r.quote.machine.id): (r.content or "").encode() for r in changed}
            pull = propose(repo, forge, main, files, branch_for(region, names), text)
    if pull is not None:
        say(f"pull request #{pull.number}: {pull.title}")
        say(f"  next: `neurocaas pr show {pull.number}`")
    elif changed:
        say("a dry run: nothing was proposed")


def _show(changed: Sequence[Revision], style: str, region: str) -> None:
    from neurocaas_ci.hardware import words

    if style == "json":
        rows = [words.as_json(revision) for revision in changed]
        shown = {"schema": "neurocaas/hardware-refresh/v1", "region": region, "changed": rows}
        click.echo(json.dumps(shown, indent=2))
    elif changed:
        click.echo(words.as_text(changed))


def _revisions(
    market: Market,
    main: GitTree,
    asked: dict[str, Hardware | None],
    region: str,
    now: datetime,
    *,
    force: bool,
) -> list[Revision]:
    """Ask about every type; raise UsageError with all problems at once."""
    from neurocaas_ci.errors import BackendUnavailableError
    from neurocaas_ci.hardware.interface import MarketClosedError
    from neurocaas_ci.hardware.quote import ask
    from neurocaas_ci.hardware.revise import refuse_absurd, revise

    revisions: list[Revision] = []
    problems: list[NeurocaasError] = []
    for name, known in asked.items():
        if on_terminal():
            say(f"asking about {name}")
        try:
            quote = ask(market, region, name, known, now)
            content = main.read(_path(name))
            text = None if content is None else content.decode()
            revision = revise(quote, known, text, now.date(), path=_path(name))
            if not force:
                refuse_absurd(revision)
        except (BackendUnavailableError, MarketClosedError):
            # It would be the same for all the others.
            raise
        except UsageError as error:
            problems.append(error)
            continue
        revisions.append(revision)
    if problems:
        for problem in problems:
            say(f"error: {problem}")
        raise UsageError(
            f"{len(problems)} of {len(asked)} hardware types cannot be priced; nothing was proposed",
            hint="name those that can: neurocaas hardware refresh ID...",
        )
    return revisions


def _asked(registry: Registry, names: Sequence[str]) -> dict[str, Hardware | None]:
    """Return what to ask about, with what the registry says of it; None is a new type."""
    if not names:
        found: dict[str, Hardware | None] = {
            machine.id: machine for machine in _every(registry) if machine.provider == "aws"
        }
        if not found:
            raise UsageError("the registry has no hardware of AWS yet", hint="name a new type")
        return found
    asked: dict[str, Hardware | None] = {}
    for name in names:
        if not _ID.fullmatch(name):
            raise UsageError(f"{name!r} is no hardware id", hint="for example m5.xlarge")
    here = set(registry.hardware_ids())
    for name in names:
        asked[name] = _known(registry, name) if name in here else None
        known = asked[name]
        if known is not None and known.provider != "aws":
            raise UsageError(
                f"its provider is {known.provider}, and AWS knows no price of it",
                where=name,
                hint="its price is what its owner enters in the file",
            )
    return asked


def _every(registry: Registry) -> list[Hardware]:
    return [_known(registry, name) for name in registry.hardware_ids()]


def _known(registry: Registry, name: str) -> Hardware:
    loaded = registry.hardware(name)
    if not loaded.exists:
        known = ", ".join(registry.hardware_ids()) or "none"
        raise UsageError(f"there is no hardware type {name!r} on main", hint=f"known: {known}")
    if loaded.value is None:
        first = loaded.findings[0]
        raise FindingsError(first.message, where=str(first.location), hint=first.fix)
    return loaded.value


def _keep(folder: Path, revisions: Sequence[Revision]) -> None:
    from neurocaas_ci.stores.disk import atomic_write

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder cannot be made: {error.strerror}", where=str(folder), hint="name another"
        ) from error
    for revision in revisions:
        atomic_write(folder / f"{revision.quote.machine.id}.json", revision.quote.answers)


def _path(name: str) -> str:
    return f"{_FOLDER}/{name}.yaml"
