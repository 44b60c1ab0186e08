"""Events, and the commit of which each starts the workflow files."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .errors import HarnessError
from .workflow import Workflow, read_workflow

MAIN = "refs/heads/main"
_FOLDER = ".github/workflows/"
_NOTHING = "0" * 40


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, as a webhook tells it."""

    name: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """The commit that a run is of; the heads are what GitHub lists it for.

    They differ for pull requests: the run is of the merge, the head is what was pushed.
    """

    ref: str
    sha: str
    head: str
    head_branch: str
    head_repository: str


@dataclass(frozen=True, slots=True)
class Registry:
    """The bare repository that workflow files are taken from."""

    path: Path
    full_name: str

    def source(self, event: Event) -> Source | None:
        """Return the commit for an event; None when there is none: a conflict, a branch that went."""
        payload = event.payload
        if event.name == "pull_request":
            pull, ref = payload["pull_request"], f"refs/pull/{payload['number']}/merge"
            sha, head = self.resolve(ref), pull["head"]
            if sha is None:
                return None
            origin = (head.get("repo") or {}).get("full_name") or ""
            return Source(ref, sha, head["sha"], head["ref"], origin)
        if event.name == "push":
            sha, ref = payload["after"], payload["ref"]
            if sha == _NOTHING:
                return None
        else:
            ref = payload.get("ref") or MAIN
            ref = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
            sha = self.resolve(ref)
            if sha is None:
                return None
        return Source(ref, sha, sha, ref.removeprefix("refs/heads/"), self.full_name)

    def workflows(self, sha: str, *, proposed: bool) -> Iterator[Workflow]:
        """Read all workflow files of a commit, by path.

        GitHub starts nothing for a file that it cannot read. Of a proposed change that is to be
        expected; anywhere else it is a mistake of the test.
        """
        listed = self._git("ls-tree", "--name-only", sha, _FOLDER).splitlines()
        for path in sorted(path for path in listed if path.endswith((".yml", ".yaml"))):
            try:
                yield self.workflow(sha, path)
            except HarnessError:
                if not proposed:
                    raise

    def workflow(self, sha: str, path: str) -> Workflow:
        """Read one workflow file of a commit."""
        try:
            return read_workflow(path, self._git("show", f"{sha}:{path}"))
        except yaml.YAMLError as error:
            raise HarnessError(f"{path} at {sha} is not YAML: {error}") from error

    def changed(self, event: Event) -> Sequence[str]:
        """Return the paths that an event changed: of a push, or of a whole pull request."""
        payload = event.payload
        if event.name == "push":
            before, after = payload["before"], payload["after"]
            if before == _NOTHING:
                return self._git("ls-tree", "-r", "-z", "--name-only", after).split("\0")[:-1]
            return self._changed(before, after)
        pull = payload["pull_request"]
        base = self._git("merge-base", pull["base"]["sha"], pull["head"]["sha"]).strip()
        return self._changed(base, pull["head"]["sha"])

    def resolve(self, ref: str) -> str | None:
        """Return the commit of a ref, None without one."""
        done = self._run("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        return done.stdout.strip() or None

    def _changed(self, old: str, new: str) -> list[str]:
        # A rename changes both paths.
        listed = self._git("diff", "--name-only", "--no-renames", "-z", old, new)
        return listed.split("\0")[:-1]

    def _git(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode != 0:
            raise HarnessError(f"git {' '.join(arguments)} in {self.path}: {done.stderr.strip()}")
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        line = ["git", "-C", str(self.path), *arguments]
        return subprocess.run(
            line, check=False, capture_output=True, text=True, encoding="utf-8",
            errors="surrogateescape",
        )  # fmt: skip
