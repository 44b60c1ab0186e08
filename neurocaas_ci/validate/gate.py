"""Judge a proposed commit against the one it would be merged into: the merge gate."""

from __future__ import annotations

import contextlib
from pathlib import Path

from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.model.actor import Actor
from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import between, is_commit, published
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.versions import Versions
from neurocaas_ci.validate.context import BalanceOf, Published, RecipeOf
from neurocaas_ci.validate.engine import judge


def gate(
    repo: Path,
    base_commit: str,
    head_commit: str,
    *,
    recipe_of: RecipeOf | None = None,
    author: Actor | None = None,
    balance_of: BalanceOf | None = None,
) -> tuple[Finding, ...]:
    """Return what speaks against merging `head_commit`; changes count from `base_commit`."""
    with GitTree(repo, base_commit) as base:
        head = base.at(head_commit)
        changes = between(repo, base.commit, head.commit)
        return judge(
            Registry(base),
            Registry(head),
            changes,
            recipe_of=recipe_of,
            published=history(base),
            author=author,
            balance_of=balance_of,
        )


def history(main: GitTree) -> Published:
    """Return a function that finds published blueprint versions in the history of a commit.

    It reads through the git process of the tree, which must stay open.
    """
    versions = Versions(main.repo, main.commit, main.objects)
    known: dict[tuple[str, str], Blueprint | None] = {}

    def find(name: str, version: str) -> Blueprint | None:
        if (name, version) not in known:
            commit = versions.commit_of(name, version)
            if commit is None and is_commit(version):
                with contextlib.suppress(NeurocaasError):
                    commit = published(main.repo, main.commit, name, version, main.objects)
            found = None if commit is None else Registry(main.at(commit)).blueprint(name).value
            known[name, version] = found
        return known[name, version]

    return find
