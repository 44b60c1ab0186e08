"""Merge two commits of a repository without a checkout, and without moving any branch."""

from __future__ import annotations

from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.plumbing import Plumbing

_MOST_NAMES = 10


def merge_in_memory(git: Plumbing, base: str, head: str, number: int, message: str) -> str:
    """Return a new commit that merges a pull request's head into `base`; nothing points to it.

    Raise UsageError when they conflict, with the names of the files, or share no history.
    """
    merged = git.run("merge-tree", "--write-tree", "--name-only", base, head, check=False)
    lines = merged.stdout.split("\n")
    if merged.returncode == 1:
        files = [line for line in lines[1 : lines.index("", 1)] if line]
        left = len(files) - _MOST_NAMES
        more = f" and {left} more" if left > 0 else ""
        raise UsageError(
            f"pull request #{number} conflicts with main in {', '.join(files[:_MOST_NAMES])}{more}",
            hint="merge origin/main into the branch, settle it there, and `pr open` again",
        )
    if "unrelated histories" in merged.stderr:
        raise UsageError(
            f"pull request #{number} shares no history with main",
            hint="start the branch from main: git switch -c MY-CHANGE origin/main",
        )
    if merged.returncode:
        raise git.error("the merge", merged.stderr)
    return git.run("commit-tree", lines[0], "-p", base, "-p", head, "-m", message).stdout.strip()
