"""Workflow files as the rules look at them: triggers, jobs, steps, and who calls whom."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

FOLDER = ".github/workflows/"
_LOCAL = re.compile(r"\./(\.github/workflows/[^@]+)")


class _Loader(yaml.SafeLoader):
    """YAML 1.2 as GitHub reads it: `on` is a word, not a boolean."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


@dataclass(frozen=True, slots=True)
class Job:
    """One job, as it is written."""

    name: str
    data: Mapping[str, Any]

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        return self.data.get("steps") or []

    @property
    def permissions(self) -> Mapping[str, str]:
        """Return the rights; a word that stands for all of them counts as a right to write."""
        given = self.data.get("permissions") or {}
        return given if isinstance(given, Mapping) else {"all": str(given).removesuffix("-all")}

    @property
    def writes(self) -> list[str]:
        return sorted(right for right, kind in self.permissions.items() if kind == "write")

    def uses(self) -> Iterator[str]:
        for part in (self.data, *self.steps):
            if "uses" in part:
                yield str(part["uses"])

    def scripts(self) -> Iterator[str]:
        for step in self.steps:
            if "run" in step:
                yield str(step["run"])


@dataclass(frozen=True, slots=True)
class Workflow:
    """One file; `triggers` also holds the events of the files that call it."""

    path: str
    text: str
    data: Mapping[str, Any]
    triggers: frozenset[str]

    @property
    def events(self) -> Mapping[str, Any]:
        return _events(self.data)

    @property
    def jobs(self) -> list[Job]:
        return [Job(name, data) for name, data in self.data["jobs"].items()]


def read(files: Mapping[str, str]) -> list[Workflow]:
    """Return all workflows of a repository."""
    trees = {path: yaml.load(text, _Loader) for path, text in files.items()}  # noqa: S506 - it is a SafeLoader
    return [
        Workflow(path, files[path], tree, _reached(path, trees)) for path, tree in trees.items()
    ]


def _events(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    given = tree["on"]
    if isinstance(given, str):
        return {given: None}
    return given if isinstance(given, Mapping) else dict.fromkeys(given)


def _reached(path: str, trees: Mapping[str, Any]) -> frozenset[str]:
    """Return the events that start a file, by itself or through its callers."""
    found, waiting, seen = set(), [path], set()
    while waiting:
        current = waiting.pop()
        seen.add(current)
        found |= set(_events(trees[current]))
        waiting += [caller for caller in _callers(current, trees) if caller not in seen]
    return frozenset(found)


def _callers(path: str, trees: Mapping[str, Any]) -> Iterator[str]:
    for caller, tree in trees.items():
        for job in tree["jobs"].values():
            called = _LOCAL.fullmatch(str(job.get("uses", "")))
            if called and called[1] == path:
                yield caller
