"""Which commits of main changed which blueprint, from one walk over the history."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from neurocaas_ci.registry.catfile import CatFile
from neurocaas_ci.registry.changes import version_of
from neurocaas_ci.registry.decode import MAX_BYTES
from neurocaas_ci.registry.plumbing import run_git

_FOLDER = "registry/blueprints"
_NOTHING = {"0" * 40, "0" * 64}


class Versions:
    """The published versions of all blueprints on the first-parent history of a commit.

    The history is walked when the first question is asked, once for all blueprints.
    """

    def __init__(self, repo: Path, head: str, objects: CatFile) -> None:
        self._repo, self._head, self._objects = repo, head, objects
        self._contents: dict[str, list[tuple[str, str]]] | None = None
        self._known: dict[str, dict[str, str]] = {}

    def commit_of(self, name: str, version: str) -> str | None:
        """Return the commit that published a version first, or None when none did."""
        return self.known(name).get(version)

    def known(self, name: str) -> Mapping[str, str]:
        """Return the commits that published the versions of a blueprint, the newest version first."""
        if self._contents is None:
            self._contents = self._walk()
        if name not in self._known:
            path = f"{_FOLDER}/{name}.yaml"
            found: dict[str, str] = {}
            for commit, blob in self._contents.get(path, ()):
                content = self._objects.object(blob, MAX_BYTES)
                number = None if content is None else version_of(path, content[1])
                if number is not None:
                    # Newest first: the last one stands, the commit that published it first.
                    found[number] = commit
            self._known[name] = found
        return self._known[name]

    def _walk(self) -> dict[str, list[tuple[str, str]]]:
        """Return commit and content id of every state of every blueprint, newest first."""
        log = run_git(
            self._repo,
            ["log", "--first-parent", "-m", "--no-renames", "--raw", "--no-abbrev", "-z",
             "--format=%x01%H", self._head, "--", _FOLDER],
        )  # fmt: skip
        found: dict[str, list[tuple[str, str]]] = {}
        commit, blob = "", ""
        for field in log.stdout.decode("utf-8", "backslashreplace").split("\0"):
            text = field.lstrip("\n")
            if text.startswith("\x01"):
                commit = text[1:].strip()
            elif text.startswith(":"):
                blob = text.split(" ")[3]
            elif text and blob not in _NOTHING:
                found.setdefault(text, []).append((commit, blob))
        return found
