"""`neurocaas validate`: judge a registry, or what a change does to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from neurocaas_ci.cli.common import find_repo, main_ref, say
from neurocaas_ci.errors import FindingsError, UsageError
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import Change, between, merge_base, of_entries
from neurocaas_ci.registry.decode import MAX_BYTES
from neurocaas_ci.registry.folder import FolderTree
from neurocaas_ci.registry.git import GitTree, head_commit
from neurocaas_ci.registry.tree import Tree
from neurocaas_ci.report.machine import as_github, as_json
from neurocaas_ci.report.text import render, summary
from neurocaas_ci.validate.context import FOLDERS, Published
from neurocaas_ci.validate.engine import judge
from neurocaas_ci.validate.gate import history


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is judged: the proposed state, and what it is compared with."""

    head: Tree
    base: Tree | None = None
    changes: tuple[Change, ...] | None = None
    published: Published | None = None


@click.command("validate", short_help="Check the registry, or what a change does to it.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=None,
    help="The registry: a git repository or a plain folder (default: the one around this folder).",
)
@click.option(
    "--base", metavar="REV", help="Compare with this commit (default: where main was left)."
)
@click.option(
    "--head", metavar="REV", help="Judge this commit (default: the files as they lie here)."
)
@click.option("--all", "every", is_flag=True, help="Judge every job, not only the changed ones.")
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
    form: str,
    *,
    every: bool,
) -> None:
    """Check every file of the registry and of iae/, all problems at once (or only those in PATHS).

    Published versions, jobs and certificates are compared with the commit where this line of work
    left main. Nothing is run, built or downloaded. Exits with 10 when there is an error;
    `neurocaas explain ID` says what a rule asks for and why.
    """
    with ExitStack() as stack:
        root, subject = _subject(stack, repo, base, head)
        wanted = [_relative(root, path) for path in paths]
        findings = judge(
            Registry(subject.base) if subject.base else None,
            Registry(subject.head),
            subject.changes,
            recipe_of=recipe,
            published=subject.published,
            every_job=every or bool(wanted),
        )
        findings = tuple(_within(findings, wanted))
        click.echo(_render(findings, subject.head, form), nl=False)
    if any(finding.severity == "error" for finding in findings):
        raise FindingsError(
            summary(findings), hint="`neurocaas explain ID` says what a rule asks for and why"
        )
    say(summary(findings) if findings else "no problems found")


def _subject(
    stack: ExitStack, repo: Path | None, base: str | None, head: str | None
) -> tuple[Path, _Subject]:
    try:
        root = find_repo(repo)
    except UsageError:
        if base or head:
            raise
        root = (repo or Path.cwd()).absolute()
        return root, _Subject(FolderTree(root))
    target = stack.enter_context(GitTree(root, head)) if head else None
    tip = target.commit if target else _head(root)
    main = _main(root)
    start = head_commit(root, base) if base else merge_base(root, tip, main or tip) if tip else None
    if start is None:
        return root, _Subject(target or FolderTree(root))
    before = stack.enter_context(GitTree(root, start))
    published = history(before.at(main or start))
    if target:
        changes = between(root, before.commit, target.commit)
        return root, _Subject(target, before, changes, published)
    folder = FolderTree(root, algorithm="sha1" if len(start) == 40 else "sha256")  # noqa: PLR2004 - digits of SHA-1
    changes = of_entries(
        (entry for name in FOLDERS for entry in before.entries(name)),
        (entry for name in FOLDERS for entry in folder.entries(name)),
    )
    return root, _Subject(folder, before, changes, published)


def _head(root: Path) -> str | None:
    try:
        return head_commit(root, "HEAD")
    except UsageError:
        # A repository without a commit is judged as the folder it is.
        return None


def _main(root: Path) -> str | None:
    try:
        return head_commit(root, main_ref(root, fetch=False))
    except UsageError:
        return None


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


def _within(findings: Sequence[Finding], wanted: Sequence[str]) -> Iterator[Finding]:
    for finding in findings:
        path = finding.location.path
        if not wanted or any(w in {"", path} or path.startswith(f"{w}/") for w in wanted):
            yield finding


def _render(findings: Sequence[Finding], tree: Tree, form: str) -> str:
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
