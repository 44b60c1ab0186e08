"""What `validate` and `plan` judge: a commit or the files as they lie here, and what they are compared with."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import click

from neurocaas_ci.cli.balances import balances_at
from neurocaas_ci.cli.common import LOCAL_MAIN, ORIGIN_MAIN, find_repo
from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.model.actor import Actor
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.catfile import CatFile
from neurocaas_ci.registry.changes import Change, between, merge_base, of_entries
from neurocaas_ci.registry.folder import FolderTree
from neurocaas_ci.registry.git import GitTree, head_commit
from neurocaas_ci.registry.tree import Tree
from neurocaas_ci.registry.worktree import uncommitted
from neurocaas_ci.validate.context import FOLDERS, Published
from neurocaas_ci.validate.gate import history

_OPTIONS = (
    click.option(
        "--repo",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        default=None,
        help="The registry: a git repository or a plain folder (default: the one around this folder).",
    ),
    click.option(
        "--base", metavar="REV", help="Compare with this commit (default: where main was left)."
    ),
    click.option(
        "--head", metavar="REV", help="Take this commit (default: the files as they lie here)."
    ),
    click.option(
        "--author",
        metavar="LOGIN-OR-ID",
        help="Who proposes the change; a forge id counts, a login is looked up at the base.",
    ),
)


def change_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which change is meant, and whose."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


class Subject(NamedTuple):
    """What is judged: the proposed state, and what it is compared with.

    `root` is the folder of the registry; `base` and `changes` are None for a plain folder.
    """

    root: Path
    head: Tree
    base: GitTree | None = None
    changes: tuple[Change, ...] | None = None
    published: Published | None = None
    balance_of: Callable[[Account], Balance] | None = None

    @property
    def head_commit(self) -> str | None:
        """Return the full id of the judged commit, or None for files in a folder."""
        return self.head.commit if isinstance(self.head, GitTree) else None

    def on(self, tree: Tree) -> Subject:
        """Return the judgement of another state of the registry's files; all of them are read."""
        if self.base is None:
            return self._replace(head=tree)
        before = [entry for name in FOLDERS for entry in self.base.entries(name)]
        after = [entry for name in FOLDERS for entry in tree.entries(name)]
        elsewhere = [c for c in self.changes or () if c.path.split("/")[0] not in FOLDERS]
        changes = sorted([*of_entries(before, after), *elsewhere])
        return self._replace(head=tree, changes=tuple(changes))


def open_subject(
    stack: ExitStack, repo: Path | None, base: str | None, head: str | None
) -> Subject:
    """Open what the options name; `stack` closes it.

    Without `head` the files of the working folder are judged, without `base` they are compared with
    the commit where they left main.
    """
    try:
        root = find_repo(repo)
    except UsageError:
        if base or head:
            raise
        root = (repo or Path.cwd()).absolute()
        return Subject(root, FolderTree(root))
    objects = stack.enter_context(CatFile(root))
    target = GitTree(root, _commit(objects, root, head), shared=objects) if head else None
    tip = target.commit if target else _head(objects, root)
    main = _main(objects)
    start = (
        _commit(objects, root, base)
        if base
        else merge_base(root, tip, main or tip)
        if tip
        else None
    )
    if start is None:
        return Subject(root, target or FolderTree(root))
    before = GitTree(root, start, shared=objects)
    state: Tree
    if target:
        state = target
        changes = between(root, start, target.commit)
    else:
        state = FolderTree(root, algorithm="sha1" if len(start) == 40 else "sha256")  # noqa: PLR2004 - digits of SHA-1
        changes = uncommitted(root, start, state, FOLDERS)
    return Subject(
        root,
        state,
        before,
        changes,
        history(before.at(main or start)),
        balances_at(stack, root, start, objects),
    )


def judgement(
    subject: Subject, author: Actor | None, *, paths: Sequence[str] = (), every: bool = False
) -> tuple[Finding, ...]:
    """Return what is wrong with a subject (only in some paths, or with everything)."""
    from neurocaas_ci.validate.engine import judge

    return judge(
        Registry(subject.base) if subject.base else None,
        Registry(subject.head),
        subject.changes,
        recipe_of=_recipe,
        published=subject.published,
        every_job=every,
        paths=paths,
        author=author,
        balance_of=subject.balance_of,
    )


def _recipe(tree: Tree, name: str) -> Sha256:
    # Most changes touch no environment.
    from neurocaas_ci.build.recipe import recipe

    return recipe(tree, name)


def find_author(subject: Subject, author: str | None) -> Actor | None:
    """Return who proposes the change: a numeric forge id, or a login that the base commit knows.

    Without one, `git config neurocaas.forge-id` of the repository is taken; None means unknown.
    Raise UsageError for a login that is no user at the base.
    """
    text = author or _configured(subject.root)
    if text is None:
        return None
    if text.isascii() and text.isdecimal():
        return Actor(int(text))
    user = Registry(subject.base or subject.head).user(text).value
    if user is None:
        raise UsageError(
            f"{text!r} is no user of the registry at the base",
            where="--author",
            hint="give the numeric id of the forge; a new user has no file on main yet",
        )
    return Actor(user.forge_id)


def _configured(root: Path) -> str | None:
    done = subprocess.run(
        ["git", "-C", str(root), "config", "--get", "neurocaas.forge-id"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None


def _commit(objects: CatFile, root: Path, rev: str) -> str:
    """Return the full id of a commit; raise UsageError when there is none."""
    with contextlib.suppress(BackendUnavailableError):
        if (found := objects.commit(rev)) is not None:
            return found
    # Knows every way to name a commit, and says what is wrong with a repository.
    return head_commit(root, rev)


def _head(objects: CatFile, root: Path) -> str | None:
    try:
        return _commit(objects, root, "HEAD")
    except UsageError:
        # A repository without a commit is judged as the folder it is.
        return None


def _main(objects: CatFile) -> str | None:
    with contextlib.suppress(BackendUnavailableError):
        return objects.commit(ORIGIN_MAIN) or objects.commit(LOCAL_MAIN)
    return None
