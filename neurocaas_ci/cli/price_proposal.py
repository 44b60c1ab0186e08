"""Propose changed hardware files: one commit on main, judged, pushed, and a pull request for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from neurocaas_ci.build.recipe import recipe
from neurocaas_ci.cli.balances import balances_at
from neurocaas_ci.cli.common import say
from neurocaas_ci.cli.forge_of import AnyForge
from neurocaas_ci.errors import FindingsError
from neurocaas_ci.forges.branching import commit_files, push_branch
from neurocaas_ci.forges.interface import Pull
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.plumbing import run_git
from neurocaas_ci.report.text import render
from neurocaas_ci.validate.gate import gate

_NAMED = 3


def branch_for(region: str, names: Sequence[str]) -> str:
    """Return the branch of a proposal: the same question updates the same pull request."""
    if not names:
        return f"prices/{region}"
    chosen = sorted(set(names))
    if len(chosen) > _NAMED:
        digest = hashlib.sha256("\n".join(chosen).encode()).hexdigest()[:8]
        return f"prices/{region}-{len(chosen)}-types-{digest}"
    return f"prices/{region}-{'-'.join(chosen)}"


def propose(
    repo: Path,
    forge: AnyForge,
    base: GitTree,
    files: Mapping[str, bytes],
    branch: str,
    message: str,
) -> Pull:
    """Open a pull request, or update the open one of that branch; nothing that is checked out changes.

    Raise FindingsError when the rules are against it, before anything is pushed.
    """
    commit = commit_files(repo, base.commit, files, message, _identity(repo))
    with ExitStack() as stack:
        findings = gate(
            repo,
            base.commit,
            commit,
            recipe_of=recipe,
            balance_of=balances_at(stack, repo, base.commit, base.objects),
        )
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        say(render(errors, lambda path: files.get(path, b"").decode() or None))
        raise FindingsError(
            "these prices would break rules of the registry; nothing was proposed",
            hint="`neurocaas explain ID` says what a rule asks for and why",
        )
    push_branch(repo, commit, branch, "." if forge.origin == repo else "origin")
    author = run_git(repo, ["log", "-1", "--format=%an", commit]).stdout.decode().strip()
    return forge.open(branch, message.partition("\n")[0], author)


def _identity(repo: Path) -> dict[str, str]:
    """Return the platform as who commits where git knows nobody, as on a machine of a forge."""
    asked = run_git(repo, ["-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT"])
    if asked.returncode == 0:
        return {}
    return {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", "neurocaas"), ("EMAIL", "neurocaas@localhost"))
    }
