"""Run git's plumbing commands: plain messages, no prompts, no other repository than the one meant."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

# Replacement refs would show other content than the commit id names.
COMMAND = ("git", "--no-replace-objects")
_OTHER_REPOSITORY = {
    "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE", "GIT_REPLACE_REF_BASE", "GIT_QUARANTINE_PATH",
}  # fmt: skip


def run_git(repo: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    """Run a git plumbing command in a repository and return what it said."""
    return subprocess.run(
        [*COMMAND, "-C", str(repo), *arguments],
        capture_output=True,
        check=False,
        env=git_environment(),
        stdin=subprocess.DEVNULL,
    )


def git_environment() -> dict[str, str]:
    """Return the environment for plumbing: plain messages, no prompts, no optional locks.

    Variables that name another repository (a git hook has them) are left out.
    """
    return {
        **{k: v for k, v in os.environ.items() if k not in _OTHER_REPOSITORY},
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
    }
