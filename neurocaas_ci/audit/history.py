"""The history of main as an auditor asks about it: many questions, few git processes."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from neurocaas_ci.certify.repository import origin_uri, registry_urn
from neurocaas_ci.errors import FindingsError
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import published
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.plumbing import run_git


class History:
    """Main of one clone, read once; registries and published versions are remembered.

    Close it, or use it in a `with` block.
    """

    def __init__(self, repo: Path, ref: str) -> None:
        self.repo, self.ref = repo, ref
        self.main = GitTree(repo, ref)
        self._published: dict[tuple[str, str], str] = {}
        self._registries: dict[str, Registry] = {}

    @cached_property
    def uri(self) -> str:
        """Return the URI that names this registry."""
        return origin_uri(self.repo) or registry_urn(self._line[-1])

    @cached_property
    def _positions(self) -> dict[str, int]:
        """Return how far each commit that main has ever pointed to is behind main."""
        done = run_git(self.repo, ["rev-list", "--first-parent", self.main.commit])
        return {commit: n for n, commit in enumerate(done.stdout.decode().split())}

    @cached_property
    def _line(self) -> list[str]:
        return list(self._positions)

    def contains(self, commit: str) -> bool:
        """Tell whether main contains a commit."""
        return commit in self._positions or self._is_ancestor(commit, self.main.commit)

    def has(self, commit: str) -> bool:
        """Tell whether this clone holds a commit at all."""
        return run_git(self.repo, ["cat-file", "-e", f"{commit}^{{commit}}"]).returncode == 0

    def precedes(self, older: str, newer: str) -> bool:
        """Tell whether a commit is another one or an ancestor of it."""
        if older in self._positions and newer in self._positions:
            return self._positions[older] >= self._positions[newer]
        return self._is_ancestor(older, newer)

    def before(self, commit: str) -> str | None:
        """Return what main was before a commit came onto it, or None for the first."""
        if commit not in self._positions:
            done = run_git(self.repo, ["rev-parse", "--verify", "--quiet", f"{commit}^1"])
            return done.stdout.decode().strip() or None
        following = self._positions[commit] + 1
        return self._line[following] if following < len(self._line) else None

    def published(self, name: str, version: str, at: str) -> str:
        """Return the commit that published a blueprint version, as main was at a commit.

        Raise FindingsError when there is none.
        """
        key = (name, version)
        if key not in self._published:
            self._published[key] = published(self.repo, self.main.commit, name, version)
        found = self._published[key]
        if not self.precedes(found, at):
            raise FindingsError(
                f"{name}@{version} was published by commit {found[:12]}, after the job",
                where=f"registry/blueprints/{name}.yaml",
            )
        return found

    def registry(self, commit: str) -> Registry:
        """Return the registry at a commit (a full id); what was loaded of it is remembered."""
        if commit not in self._registries:
            self._registries[commit] = Registry(self.main.at(commit))
        return self._registries[commit]

    def close(self) -> None:
        """End the git process behind this history."""
        self.main.close()

    def _is_ancestor(self, older: str, newer: str) -> bool:
        done = run_git(self.repo, ["merge-base", "--is-ancestor", older, newer])
        return done.returncode == 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
