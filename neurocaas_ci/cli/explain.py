"""`neurocaas explain`: what a rule asks for, why, and how to fix what breaks it."""

from __future__ import annotations

import click

from neurocaas_ci.errors import UsageError
from neurocaas_ci.schemas.check import nearest
from neurocaas_ci.validate.catalogue import as_markdown, pages


@click.command("explain", short_help="Say what a rule asks for, and why.")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--markdown", is_flag=True, help="Print the reference of all rules as Markdown.")
def command(ids: tuple[str, ...], *, markdown: bool) -> None:
    """Explain the rules with these IDs, for example NC-B014; without an ID, list all rules."""
    if markdown:
        click.echo(as_markdown(), nl=False)
        return
    known = pages()
    if not ids:
        for page in known.values():
            click.echo(f"{page.id}  {page.title}")
        return
    for name in ids:
        found = known.get(name.upper())
        if found is None:
            fix = nearest(name.upper(), known) or "`neurocaas explain` lists all rules"
            raise UsageError(f"there is no rule {name!r}", hint=fix)
        click.echo(f"{found.id}: {found.title} ({found.severity})\n\n{found.text}\n")
