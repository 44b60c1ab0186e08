"""Open the forge behind a clone's origin: where its pull requests live."""

from __future__ import annotations

import re
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

from neurocaas_ci.errors import NeurocaasError, UsageError
from neurocaas_ci.forges.local_git import LocalGitForge
from neurocaas_ci.model.registry import ForgeKind

if TYPE_CHECKING:
    from neurocaas_ci.forges.github_forge import GitHubForge

AnyForge: TypeAlias = Union[LocalGitForge, "GitHubForge"]

_CREDENTIALS = re.compile(r"//[^/]*@")


def forge_of(repo: Path) -> AnyForge:
    """Return the forge behind `origin`: GitHub, or a bare repository (or this one, when it is bare).

    Raise UsageError when it is not the one that the policy on main names.
    """
    from neurocaas_ci.cli.github_option import is_on_github, open_github

    hosted = is_on_github(repo)
    if problem := misplaced(named_forge(repo), hosted=hosted):
        raise UsageError(problem[0], where="registry/policy.yaml", hint=problem[1])
    if hosted:
        from neurocaas_ci.forges.github_forge import GitHubForge

        return GitHubForge(open_github(repo), repo)
    # Also one with an origin: `git clone --bare` leaves the address of what was cloned.
    if git_answer(repo, "rev-parse", "--is-bare-repository") == "true":
        return LocalGitForge(repo)
    url = git_answer(repo, "remote", "get-url", "origin")
    if not url:
        raise UsageError(
            "this repository has no origin, where pull requests could live",
            where=str(repo),
            hint="git init --bare -b main FOLDER; git remote add origin FOLDER; git push origin main",
        )
    path = Path(url.removeprefix("file://"))
    if not path.is_absolute():
        path = repo / path
    if not path.is_dir():
        raise UsageError(
            "the origin of this clone is not a repository on this machine",
            # A URL may carry a password; this goes to a terminal or a log.
            where=_CREDENTIALS.sub("//", url),
            hint="pull requests on a hosted forge are opened there",
        )
    return LocalGitForge(path)


def named_forge(repo: Path) -> ForgeKind | None:
    """Return the forge that the policy on main names; None without one, or one that can be read."""
    from neurocaas_ci.cli.choices import policy_of
    from neurocaas_ci.cli.common import main_ref
    from neurocaas_ci.registry.git import GitTree

    # What is wrong with a policy is said by `validate`, and by what needs the rest of it.
    with suppress(NeurocaasError), GitTree(repo, main_ref(repo, fetch=False)) as main:
        return policy_of(main).forge
    return None


def misplaced(named: ForgeKind | None, *, hosted: bool) -> tuple[str, str] | None:
    """Return what is wrong with an origin that is on GitHub or is not, and what to do about it."""
    if named == "github" and not hosted:
        return (
            "pull requests of this platform live on GitHub, and the origin of this clone does not",
            "git remote set-url origin https://github.com/OWNER/NAME, or name another forge by pull request",
        )
    if named == "local" and hosted:
        return (
            "pull requests of this platform live in a bare repository, and the origin of this clone on GitHub",
            "git remote set-url origin FOLDER, or name another forge by pull request",
        )
    return None


def git_answer(repo: Path, *arguments: str) -> str:
    """Return what git says, without the space around it; nothing when it fails."""
    done = subprocess.run(
        ["git", "-C", str(repo), *arguments],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else ""
