"""Bring files onto main in one commit, without touching what anybody has checked out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from neurocaas_ci.errors import BackendUnavailableError, VerificationError
from neurocaas_ci.forges.branching import commit_files
from neurocaas_ci.registry.catfile import CatFile
from neurocaas_ci.registry.git import head_commit
from neurocaas_ci.registry.plumbing import run_git

_TRIES = 20
_MAIN = "refs/heads/main"
_REMOTE_MAIN = "refs/remotes/origin/main"
_NAME, _EMAIL = "neurocaas", "neurocaas@localhost"


def publish(repo: Path, ref: str, files: Mapping[str, bytes], message: str) -> str | None:
    """Add files to main and return the commit that did, or None when main has them already.

    `ref` is where this clone keeps main: a branch of origin, which is pushed to, or its own. Files
    are only ever added. Raise VerificationError when main has another file in such a place, and
    BackendUnavailableError when the commit cannot be made or origin does not take it.
    """
    for _ in range(_TRIES):
        base = head_commit(repo, ref)
        missing = _missing(repo, base, files)
        if not missing:
            return None
        commit = commit_files(repo, base, missing, message, _identity())
        if ref == _REMOTE_MAIN:
            if _push(repo, commit):
                return commit
            _fetch(repo)
        elif _advance(repo, base, commit, missing):
            return commit
    raise BackendUnavailableError(
        f"main moved {_TRIES} times while this was being added to it",
        where=str(repo),
        hint="run the same command again; nothing is lost",
    )


def _missing(repo: Path, base: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    missing: dict[str, bytes] = {}
    with CatFile(repo) as git:
        for path, content in files.items():
            if git.child(base, path) is None:
                missing[path] = content
            elif git.read(base, path) != content:
                raise VerificationError(
                    "main already has another file in this place",
                    where=path,
                    hint="files here are only ever added: `neurocaas verify` judges the one on main",
                )
    return missing


def _push(repo: Path, commit: str) -> bool:
    """Push to the origin's main; return False when it has moved meanwhile."""
    arguments = ["push", "--quiet", "--no-verify", "--porcelain", "origin", f"{commit}:{_MAIN}"]
    done = run_git(repo, arguments)
    if done.returncode == 0:
        return True
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    if any(word in said for word in ("non-fast-forward", "fetch first", "cannot lock ref")):
        return False
    raise BackendUnavailableError(
        f"origin does not take the commit: {said.strip().splitlines()[-1] if said.strip() else ''}",
        where="origin main",
        hint="it is kept here; once you may push to main, run the same command again",
    )


def _fetch(repo: Path) -> None:
    done = run_git(repo, ["fetch", "--quiet", "origin", f"+{_MAIN}:{_REMOTE_MAIN}"])
    if done.returncode:
        raise BackendUnavailableError(
            f"origin does not answer: {done.stderr.decode('utf-8', 'replace').strip()}",
            where="origin main",
            hint="it is kept here; run the same command again when origin can be reached",
        )


def _advance(repo: Path, base: str, commit: str, files: Mapping[str, bytes]) -> bool:
    """Move the local main forward; where it is checked out, the files appear there too."""
    # First there: killed in between, git shows them as added, and not as removed.
    _show(repo, commit, files)
    if run_git(repo, ["update-ref", _MAIN, commit, base]).returncode == 0:
        return True
    if head_commit(repo, _MAIN) != base:
        return False
    raise BackendUnavailableError(
        "git cannot move main forward",
        where=str(repo),
        hint="another git process may hold its lock, or have left it when it was killed",
    )


def _show(repo: Path, commit: str, files: Mapping[str, bytes]) -> None:
    """Put the files of a commit into the index and the folder, if main is checked out there.

    What lies there already is the user's, and stays.
    """
    head = run_git(repo, ["symbolic-ref", "--quiet", "HEAD"]).stdout.decode().strip()
    top = run_git(repo, ["rev-parse", "--show-toplevel"])
    if head != _MAIN or top.returncode:
        return
    folder = Path(os.fsdecode(top.stdout.rstrip(b"\n")))
    absent = [path for path in files if not os.path.lexists(folder / path)]
    run_git(folder, ["reset", "--quiet", commit, "--", *files])
    run_git(folder, ["checkout-index", "--quiet", "--", *absent])


def _identity() -> dict[str, str]:
    """Return who commits: whoever the environment names, else the platform itself."""
    return {
        f"GIT_{role}_{part}": os.environ.get(f"GIT_{role}_{part}") or value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", _NAME), ("EMAIL", _EMAIL))
    }
