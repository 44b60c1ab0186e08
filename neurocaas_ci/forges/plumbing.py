"""Git plumbing in a repository on this machine, with nothing that anybody configured executed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.registry.plumbing import git_environment

_AUTHOR = "neurocaas"
_OWN_LOCK = "neurocaas-pulls.lock"
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
# Other git processes hold their locks for milliseconds; longer than this means a killed one.
_LOCK_WAIT_MS = 2000
# Hooks, signatures, attributes (they name merge drivers and filters) and replaced objects would
# make what is merged differ from what is judged.
_QUIET = (
    "--no-replace-objects",
    "-c", f"core.hooksPath={os.devnull}",
    "-c", f"core.attributesFile={os.devnull}",
    "-c", f"attr.tree={_EMPTY_TREE}",
    "-c", "merge.renormalize=false",
    "-c", "core.fsmonitor=false",
    "-c", "commit.gpgSign=false",
    "-c", f"core.filesRefLockTimeout={_LOCK_WAIT_MS}",
    "-c", f"core.packedRefsTimeout={_LOCK_WAIT_MS}",
)  # fmt: skip
_LOCK = re.compile(r"Unable to create '(.+?\.lock)': File exists")


class Plumbing:
    """Runs git in one repository; raise UsageError when there is none at exactly this path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = self.run("rev-parse", "--absolute-git-dir", check=False)
        if found.returncode:
            reason = found.stderr.strip().split("\n")[0].removeprefix("fatal: ")
            raise UsageError(
                f"the origin is no git repository that can be used here: {reason}",
                where=str(path),
                hint="make one with `git init --bare -b main`, and push the registry to it",
            )
        self._folder = Path(found.stdout.strip())

    def run(
        self, *arguments: str, check: bool = True, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run git; with `check` raise BackendUnavailableError when it fails."""
        done = subprocess.run(
            ["git", *_QUIET, "-C", str(self.path), *arguments],
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            env=self._environment(),
        )
        if check and done.returncode:
            raise self.error(f"git {arguments[0]}", done.stderr)
        return done

    def transaction(self, *changes: str) -> subprocess.CompletedProcess[str]:
        """Change several refs at once, or none of them; the caller looks at the exit status."""
        lines = "\n".join(("start", *changes, "prepare", "commit"))
        return self.run("update-ref", "--stdin", check=False, given=f"{lines}\n")

    def error(self, action: str, stderr: str) -> BackendUnavailableError:
        """Return the error for a failed git command; locks that were left behind are named."""
        if lock := _LOCK.search(stderr):
            # A transaction locks several refs, and git only names the first in the way.
            found = os.path.normpath(lock[1])
            others = {str(path) for path in (self._folder / "refs").rglob("*.lock")} - {found}
            files = f"these files: {' '.join(sorted({found, *others}))}" if others else "that file"
            return BackendUnavailableError(
                f"{action} found a lock that another git process holds, or left when it was killed",
                where=found,
                hint="try again when no git process is at work in this repository; if there is "
                f"none, first remove {files}",
            )
        return BackendUnavailableError(f"{action} failed: {stderr.strip()}", where=str(self.path))

    def commit(self, ref: str) -> str | None:
        """Return the id of the commit at a full ref name, or None."""
        done = self.run("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", check=False)
        return done.stdout.strip() or None

    def blob(self, text: str) -> str:
        """Store a text as an object and return its id."""
        return self.run("hash-object", "-w", "--stdin", given=text).stdout.strip()

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other users of this class out; a killed holder lets go at once."""
        path = self._folder / _OWN_LOCK
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise BackendUnavailableError(
                f"the origin cannot be written: {error.strerror}",
                where=str(path),
                hint="check the owner and the permissions of the repository",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _environment(self) -> dict[str, str]:
        """Return an environment in which merges have an author, whatever the user configured."""
        environment = {
            **git_environment(),
            "GIT_ATTR_NOSYSTEM": "1",
            # A plain folder inside some other repository is not an origin.
            "GIT_CEILING_DIRECTORIES": str(self.path.resolve().parent),
        }
        for role in ("AUTHOR", "COMMITTER"):
            for part, value in (("NAME", _AUTHOR), ("EMAIL", f"{_AUTHOR}@localhost")):
                name = f"GIT_{role}_{part}"
                environment[name] = environment.get(name) or value
        return environment
