"""Open the forge behind a clone's origin: where its pull requests live."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.local_git import LocalGitForge

if TYPE_CHECKING:
    from neurocaas_ci.forges.github_forge import GitHubForge

AnyForge: TypeAlias = Union[LocalGitForge, "GitHubForge"]

_CREDENTIALS = re.compile(r"//[^/]*@")


def forge_of(repo: Path) -> AnyForge:
    """Return the forge behind `origin`: GitHub, or a bare repository (or this one, when it is bare)."""
    from neurocaas_ci.cli.github_option import is_on_github, open_github

    if is_on_github(repo):
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
