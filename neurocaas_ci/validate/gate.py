"""Judge a proposed commit against the one it would be merged into: the merge gate."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import between, published
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.validate.context import Published, RecipeOf
from neurocaas_ci.validate.engine import judge


def gate(
    repo: Path, base_commit: str, head_commit: str, *, recipe_of: RecipeOf | None = None
) -> tuple[Finding, ...]:
    """Return what speaks against merging `head_commit`; changes count from `base_commit`."""
    with GitTree(repo, base_commit) as base, GitTree(repo, head_commit) as head:
        changes = between(repo, base.commit, head.commit)
        return judge(
            Registry(base),
            Registry(head),
            changes,
            recipe_of=recipe_of,
            published=history(repo, base.commit),
        )


def history(repo: Path, commit: str) -> Published:
    """Return a function that finds published blueprint versions in the history of a commit."""
    known: dict[tuple[str, str], Blueprint | None] = {}

    def find(name: str, version: str) -> Blueprint | None:
        if (name, version) not in known:
            known[name, version] = None
            with ExitStack() as stack:
                try:
                    tree = stack.enter_context(
                        GitTree(repo, published(repo, commit, name, version))
                    )
                except NeurocaasError:
                    return None
                known[name, version] = Registry(tree).blueprint(name).value
        return known[name, version]

    return find
