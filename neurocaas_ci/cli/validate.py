"""`neurocaas validate`: judge a registry, or what a change does to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from neurocaas_ci.cli.common import say
from neurocaas_ci.cli.subject import Subject, change_options, find_author, judgement, open_subject
from neurocaas_ci.errors import FindingsError, UsageError
from neurocaas_ci.model.actor import Actor
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.registry.decode import MAX_BYTES
from neurocaas_ci.registry.folder import FolderTree
from neurocaas_ci.registry.tree import Tree


@click.command("validate", short_help="Check the registry, or what a change does to it.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@change_options
@click.option("--fix", "write", is_flag=True, help="Mend what is mechanical in the files here.")
@click.option(
    "--diff", "preview", is_flag=True, help="Show what --fix would change; write nothing."
)
@click.option("--all", "every", is_flag=True, help="Judge everything, not only the change.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="Form of the findings on stdout.",
)
def command(
    paths: tuple[Path, ...],
    repo: Path | None,
    base: str | None,
    head: str | None,
    author: str | None,
    form: str,
    *,
    every: bool,
    write: bool,
    preview: bool,
) -> None:
    """Check what a change does to the registry, all problems at once (or only files in PATHS).

    The change is compared with the commit where it left main: reported is what is wrong in changed
    files, and what the change breaks elsewhere. Nothing is run, built, imported or downloaded.
    Exits with 10 when there is an error; `neurocaas explain ID` says what a rule asks for and why.
    """
    with ExitStack() as stack:
        subject = open_subject(stack, repo, base, head)
        who = find_author(subject, author)
        wanted = [_relative(subject.root, path) for path in paths]
        if write or preview:
            findings = _mend(subject, who, wanted, every=every, write=not preview)
        else:
            findings = judgement(subject, who, paths=wanted, every=every)
        if not preview:
            click.echo(_render(findings, subject.head, form), nl=False)
    _conclude(findings)


def _mend(
    subject: Subject, author: Actor | None, wanted: Sequence[str], *, every: bool, write: bool
) -> tuple[Finding, ...]:
    """Repair files of the working folder, or show how; return what is left to do."""
    from neurocaas_ci.cli import fix

    if not isinstance(subject.head, FolderTree):
        raise UsageError(
            "a commit never changes",
            where="--head",
            hint="check the branch out and repair its files without --head",
        )

    def judge_again(tree: Tree) -> tuple[Finding, ...]:
        return judgement(subject.on(tree), author, paths=wanted, every=every)

    result = fix.fix(subject.root, judge_again, write=write)
    count = sum(file is not None for file in result.files.values())
    if write:
        say(f"mended {result.repairs} problems in {count} files")
    elif result.repairs:
        click.echo(fix.diff(subject.root, result), nl=False)
        raise FindingsError(
            f"{result.repairs} problems in {count} files can be mended",
            hint="`neurocaas validate --fix` writes this",
        )
    return result.findings


def _conclude(findings: Sequence[Finding]) -> None:
    from neurocaas_ci.report.text import summary

    if any(finding.severity == "error" for finding in findings):
        raise FindingsError(
            summary(findings), hint="`neurocaas explain ID` says what a rule asks for and why"
        )
    say(summary(findings) if findings else "no problems found")


def _relative(root: Path, path: Path) -> str:
    try:
        inside = Path(os.path.abspath(path)).relative_to(
            root.absolute()
        )  # resolve() would follow links
    except ValueError as error:
        raise UsageError(
            "this path is outside of the registry", where=str(path), hint=f"the registry is {root}"
        ) from error
    return "" if inside == Path() else inside.as_posix()


def _render(findings: Sequence[Finding], tree: Tree, form: str) -> str:
    from neurocaas_ci.report.machine import as_github, as_json
    from neurocaas_ci.report.text import render

    if form == "json":
        return as_json(findings)
    if form == "github":
        return as_github(findings)

    def source(path: str) -> str | None:
        content = tree.read(path, MAX_BYTES)
        return (
            None if content is None else content.decode("utf-8", "replace").removeprefix("\ufeff")
        )

    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return render(findings, source, colour=colour)
