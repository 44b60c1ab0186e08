"""`neurocaas init platform`: make somebody's own platform of a fresh clone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import click

from neurocaas_ci.cli.common import find_repo, repo_option, say
from neurocaas_ci.cli.platform_answers import (
    EXECUTORS,
    FORGES,
    Choice,
    Owner,
    ask_choice,
    ask_owner,
)
from neurocaas_ci.errors import FindingsError, UsageError
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.registry import ExecutorKind, ForgeKind
from neurocaas_ci.plan.owners import PATH, code_owners
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree
from neurocaas_ci.registry.overlay import File, OverlayTree
from neurocaas_ci.registry.tree import REGULAR, Tree
from neurocaas_ci.registry.write import dump
from neurocaas_ci.stores.disk import atomic_write
from neurocaas_ci.validate.context import FOLDERS
from neurocaas_ci.validate.engine import judge

_MAINTAINERS = re.compile(r"(?m)^maintainers: .*$")
_GROUP_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_KEPT = {"README.md"}
_PLACE: Mapping[ForgeKind, str] = {
    "github": "  git remote set-url origin https://github.com/OWNER/NAME\n"
    "  docs/github.md                settings there, one by one\n",
    "local": "  git clone --bare . FOLDER     what people share; one commit on main is in it then\n"
    "  git remote set-url origin FOLDER\n"
    "  docs/operator.md              how it goes on\n",
}

Changes = Mapping[str, bytes | None]


@click.command("platform")
@click.option("--login", help="Your login on the forge; you become the maintainer.")
@click.option(
    "--forge-id",
    type=click.IntRange(min=1),
    help="Your numeric id there: `gh api user --jq .id`.",
)
@click.option("--name", help="Your name.")
@click.option("--group", default="lab", show_default=True, help="The name of your first group.")
@click.option(
    "--budget",
    type=click.IntRange(min=0),
    default=300,
    show_default=True,
    help="USD for you and for the group.",
)
@click.option(
    "--forge",
    type=click.Choice(FORGES),
    help="Where pull requests live: on GitHub, or in a bare git repository that people share.  [default: github]",
)
@click.option(
    "--executor",
    type=click.Choice(EXECUTORS),
    help="Where merged jobs run: the machine that reconciles, a Slurm cluster, AWS.  [default: local]",
)
@click.option(
    "--trust-root",
    metavar="public-good|machine|FILE",
    help="Who signs: GitHub's identity with Sigstore's public instance; this machine's own instance; "
    "or the instance whose trusted root or client trust config FILE is.  [default: public-good; with "
    "--forge local: machine]",
)
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
@repo_option
def platform(
    login: str | None,
    forge_id: int | None,
    name: str | None,
    group: str,
    budget: int,
    forge: ForgeKind | None,
    executor: ExecutorKind | None,
    trust_root: str | None,
    repo: Path | None,
    *,
    dry_run: bool,
) -> None:
    """Make this clone your own platform: you as its maintainer, your group, your code owners.

    The example people and groups go, and the analyses become yours. Where pull requests live, where
    jobs run and whose signatures count stands in registry/policy.yaml then, which workflows and
    every clone follow.
    A terminal is asked for what is not said. Run it again to choose otherwise: what you leave out
    stays. Nothing is changed in a registry with jobs or certificates: those are somebody's books.
    Afterwards begin a history of your own.
    """
    root = find_repo(repo)
    if not _GROUP_NAME.fullmatch(group):
        raise UsageError(
            f"{group!r} cannot name a group",
            where="--group",
            hint="use lower-case letters, digits and dashes",
        )
    tree = FolderTree(root)
    _require_unused(tree)
    owner = ask_owner(login, forge_id, name)
    choice = ask_choice(forge, executor, trust_root, tree, owner.login, write=not dry_run)
    changes = _changes(tree, _people(owner, group, budget, choice), owner.login)
    errors = _errors(tree, changes)
    if errors:
        raise FindingsError(
            "the registry would not be valid:\n  "
            + "\n  ".join(f"{f.location}: {f.message}" for f in errors[:10]),
            where=str(root),
            hint="mend or remove these files first",
        )
    for path, content in sorted(changes.items()):
        click.echo(f"{'remove' if content is None else 'write '} {path}")
    if dry_run:
        return
    # First what is new: whoever is interrupted runs the same command again.
    for path, content in changes.items():
        if content is not None:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            atomic_write(root / path, content)
    for path, content in changes.items():
        if content is None:
            (root / path).unlink(missing_ok=True)
    say(
        "next:\n"
        "  git checkout --orphan fresh && git add --all && git commit -m 'A platform of our own' &&\n"
        "    git branch -M main          a history of your own: versions, budgets and certificates\n"
        "                                count from its first commit\n"
        f"{_PLACE[choice.forge]}"
        "  neurocaas validate --all      says whether everything fits together\n"
        "  neurocaas doctor              says what this machine, or GitHub, still lacks"
    )


def _people(owner: Owner, group: str, budget: int, choice: Choice) -> dict[str, bytes]:
    """Return the files that say who is there, and what was chosen."""
    user = {
        "schema": "neurocaas/user/v1", "login": owner.login, "forge_id": owner.forge_id,
        "name": owner.name, "budget_usd": budget, "groups": [group],
    }  # fmt: skip
    lab = {
        "schema": "neurocaas/group/v1", "name": group, "title": owner.name, "budget_usd": budget,
        "members": [owner.login],
    }  # fmt: skip
    policy = {
        "schema": "neurocaas/policy/v1", "maintainers": [owner.login], "forge": choice.forge,
        "executor": choice.executor, "trust_roots": list(choice.roots),
    }  # fmt: skip
    return {
        f"registry/users/{owner.login}.yaml": dump(user),
        f"registry/groups/{group}.yaml": dump(lab),
        # Before the policy, which names them: whoever is interrupted has nothing that is missing.
        **choice.files,
        "registry/policy.yaml": dump(policy),
    }


def _require_unused(tree: FolderTree) -> None:
    """Raise UsageError for a registry in use."""
    for folder in ("registry/jobs", "certificates"):
        used = [e.path for e in tree.entries(folder) if e.path.rpartition("/")[2] not in _KEPT]
        if used:
            raise UsageError(
                "this registry is in use, and nothing was changed",
                where=used[0],
                hint="begin with a clone that has no jobs and no certificates",
            )


def _changes(tree: FolderTree, people: dict[str, bytes], login: str) -> Changes:
    """Return what becomes of each file; None removes it."""
    changes: dict[str, bytes | None] = {}
    for folder in ("registry/users", "registry/groups", "registry/trust"):
        for entry in tree.entries(folder):
            if entry.path.rpartition("/")[2] not in _KEPT:
                changes[entry.path] = None
    changes.update(people)
    for entry in tree.entries("registry/blueprints"):
        text = (tree.read(entry.path) or b"").decode()
        mine = _MAINTAINERS.sub(f"maintainers: [{login}]", text)
        changes[entry.path] = re.sub(r"(?m)^groups: .*$", "groups: []", mine).encode()
    made = Registry(OverlayTree(tree, _files(changes)))
    changes[PATH] = code_owners(made).encode()
    return {path: new for path, new in changes.items() if tree.read(path) != new}


def _errors(tree: Tree, changes: Changes) -> list[Finding]:
    """Judge the registry as it would be."""
    findings = judge(None, Registry(OverlayTree(tree, _files(changes))), every_job=True)
    return [finding for finding in findings if finding.severity == "error"]


def _files(changes: Changes) -> dict[str, File | None]:
    return {
        path: None if content is None else File(content, REGULAR)
        for path, content in changes.items()
        if path.split("/")[0] in FOLDERS
    }
