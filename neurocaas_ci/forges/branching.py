"""Make a commit on top of another one and push it to a branch, without touching a working folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.registry.plumbing import git_environment, run_git
from neurocaas_ci.stores.disk import unique_name


def commit_files(
    repo: Path, base: str, files: Mapping[str, bytes], message: str, identity: Mapping[str, str]
) -> str:
    """Make a commit on top of `base` that sets files; no ref and no index of the user changes.

    `identity` are the variables of git that say who commits; without them git is asked.
    """
    folder = Path(os.fsdecode(run_git(repo, ["rev-parse", "--absolute-git-dir"]).stdout.strip()))
    index = folder / f"neurocaas-index-{unique_name()}"
    environment = {**git_environment(), **identity, "GIT_INDEX_FILE": str(index)}
    try:
        _git(repo, ["read-tree", base], environment)
        rows = [
            f"100644 {_git(repo, ['hash-object', '-w', '--stdin'], environment, content)}\t{path}\n"
            for path, content in files.items()
        ]
        _git(repo, ["update-index", "--index-info"], environment, "".join(rows).encode())
        tree = _git(repo, ["write-tree"], environment)
        return _git(repo, ["commit-tree", tree, "-p", base, "-m", message], environment)
    finally:
        index.unlink(missing_ok=True)


def push_branch(repo: Path, commit: str, branch: str, remote: str = "origin") -> None:
    """Let a branch of a remote be this commit, unless it moves meanwhile.

    A branch that has the same files on top of the same commit already is left as it is. Raise
    BackendUnavailableError when the remote does not take it.
    """
    ref = f"refs/heads/{branch}"
    there = _tip(repo, ref, remote)
    if there is not None and _same(repo, there, commit):
        return
    lease = f"--force-with-lease={ref}:{there or ''}"
    done = run_git(repo, ["push", "--quiet", "--no-verify", lease, remote, f"{commit}:{ref}"])
    if done.returncode:
        raise BackendUnavailableError(
            f"origin does not take the branch: {_last(done.stderr)}",
            where=branch,
            hint="run the same command again; nothing is lost",
        )


def _tip(repo: Path, ref: str, remote: str) -> str | None:
    """Return the commit of a branch of a remote, fetched, or None."""
    done = run_git(repo, ["ls-remote", "--quiet", remote, ref])
    if done.returncode:
        raise BackendUnavailableError(
            f"origin does not answer: {_last(done.stderr)}",
            where=remote,
            hint="run the same command again when it can be reached",
        )
    found = done.stdout.decode("utf-8", "replace").split()
    if not found:
        return None
    # Not there: then it is no commit of ours, and is replaced.
    run_git(repo, ["fetch", "--quiet", "--no-write-fetch-head", remote, found[0]])
    return found[0]


def _same(repo: Path, one: str, other: str) -> bool:
    shown = [run_git(repo, ["log", "-1", "--format=%T %P", c]).stdout for c in (one, other)]
    return shown[0] == shown[1] != b""


def _last(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "no reason was given"


def _git(repo: Path, arguments: list[str], env: Mapping[str, str], given: bytes = b"") -> str:
    done = subprocess.run(
        ["git", "--no-replace-objects", "-c", "commit.gpgSign=false", "-C", str(repo), *arguments],
        input=given,
        capture_output=True,
        check=False,
        env=dict(env),
    )
    if done.returncode:
        raise BackendUnavailableError(
            f"git {arguments[0]} failed: {done.stderr.decode('utf-8', 'replace').strip()}",
            where=str(repo),
            hint="check the owner, the permissions and the free space of the repository",
        )
    return done.stdout.decode().strip()
