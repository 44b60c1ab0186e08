"""`neurocaas budget`: who may spend what, and which commit each cent goes back to."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import click

from neurocaas_ci.cli.common import (
    fetch_option,
    find_repo,
    ledger_cache,
    main_ref,
    repo_option,
    say,
)
from neurocaas_ci.errors import UsageError
from neurocaas_ci.ledger.books import Books
from neurocaas_ci.model.ledger import Account
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.report.budget import as_json, statement, table


@click.command("budget", short_help="Explain budgets, back to the commits.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--kind",
    type=click.Choice(["user", "group", "blueprint"]),
    help="Only accounts of this kind.",
)
@repo_option
@fetch_option
@click.option("--at", "revision", metavar="COMMIT", help="As of a commit (default: main).")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text")
def command(
    names: tuple[str, ...],
    kind: str | None,
    repo: Path | None,
    revision: str | None,
    style: str,
    *,
    fetch: bool,
) -> None:
    """Show what users, groups and blueprints with a budget have spent, reserved and left.

    With a NAME, show every line of that account: which commit set its budget, merged a job and so
    reserved the most that it may cost, refused one, or certified one, which charges what was used
    and refunds the rest. Git is the ledger; nothing else is asked.
    """
    repo = find_repo(repo)
    ref = revision or main_ref(repo, fetch=fetch)
    with (
        GitTree(repo, ref) as head,
        Books.open(repo, head.commit, ledger_cache(), objects=head.objects, say=say) as books,
    ):
        every = [account for account in books.accounts() if kind in {None, account.kind}]
        chosen = _choose(every, names, kind) if names else every
        lines = [(account, books.balance(account)) for account in chosen]
        if style == "json":
            rows = [(a, b, list(books.entries(a)) if names else None) for a, b in lines]
            click.echo(as_json(head.commit, rows), nl=False)
        elif not names:
            click.echo(table(lines, head.commit), nl=False)
        else:
            texts = (statement(a, b, list(books.entries(a))) for a, b in lines)
            click.echo("\n".join(texts), nl=False)


def _choose(every: Sequence[Account], names: Sequence[str], kind: str | None) -> list[Account]:
    """Return the accounts with these names, in their order; raise UsageError for an unknown one."""
    what = f"{kind} account" if kind else "account"
    chosen: list[Account] = []
    for name in names:
        fits = [account for account in every if account.name == name]
        if not fits:
            known = sorted({account.name for account in every})
            near = difflib.get_close_matches(name, known, n=1)
            raise UsageError(
                f"no {what} is named {name!r}",
                hint=f"did you mean `{near[0]}`?" if near else "`neurocaas budget` lists all",
            )
        chosen += [account for account in fits if account not in chosen]
    return chosen
