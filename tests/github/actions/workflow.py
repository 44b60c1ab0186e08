"""A workflow file as GitHub reads it: triggers, jobs, permissions, environments; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from .errors import HarnessError

SCOPES = (
    "actions", "attestations", "checks", "contents", "deployments", "discussions", "id-token",
    "issues", "models", "packages", "pages", "pull-requests", "security-events", "statuses",
)  # fmt: skip
"""Every permission that a workflow may ask for."""

_FOLDER = ".github/workflows/"
_ACTION = re.compile(r"(?P<owner>[^/@\s]+)/(?P<name>[^/@\s]+)(?P<sub>/[^@\s]+)?@(?P<ref>\S+)")
# act skips the first with exit status 0, and cannot do the others where it runs without Docker.
_IMPOSSIBLE = ("services", "container")


@dataclass(frozen=True, slots=True)
class WorkflowJob:
    """One job; `calls` is the workflow file that it is made of, for jobs that only call one."""

    id: str
    permissions: Mapping[str, str]
    needs: tuple[str, ...]
    environment: str | None
    runs_on: Any
    calls: str | None
    may_fail: bool
    uses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Workflow:
    """One file; `triggers` maps the names of events to their filters."""

    path: str
    name: str
    triggers: Mapping[str, Mapping[str, Any]]
    concurrency: Mapping[str, Any]
    jobs: Mapping[str, WorkflowJob]

    def permissions(self) -> dict[str, str]:
        """Return the union of what the jobs may do, for act knows one token per run only."""
        union: dict[str, str] = {}
        for job in self.jobs.values():
            for scope, access in job.permissions.items():
                if access == "write" or union.get(scope) != "write":
                    union[scope] = access
        return union


def read_workflow(path: str, text: str) -> Workflow:
    """Read one file; raise HarnessError for what cannot be run here."""
    document = yaml.safe_load(text)
    if not isinstance(document, dict) or not isinstance(document.get("jobs"), dict):
        raise HarnessError(f"{path} is not a workflow: it has no jobs")
    default = _permissions(document.get("permissions"))
    jobs = {name: _job(path, name, job, default) for name, job in document["jobs"].items()}
    # YAML 1.1 reads the word `on` as true.
    triggers = _triggers(document.get("on", document.get(True)))
    concurrency = document.get("concurrency") or {}
    if isinstance(concurrency, str):
        concurrency = {"group": concurrency}
    return Workflow(path, str(document.get("name") or path), triggers, concurrency, jobs)


def actions_used(text: str) -> Iterator[str]:
    """Return what the `uses:` of a workflow or of a composite action name, local ones included."""
    document = yaml.safe_load(text) or {}
    jobs = list((document.get("jobs") or {}).values())
    for part in [*jobs, document.get("runs") or {}]:
        if "uses" in part:
            yield part["uses"]
        for step in part.get("steps") or ():
            if "uses" in step:
                yield step["uses"]


def remote_action(uses: str) -> tuple[str, str] | None:
    """Split `owner/name/folder@ref` into `owner/name` and `ref`; local actions are None."""
    found = None if uses.startswith("./") else _ACTION.fullmatch(uses)
    return (f"{found['owner']}/{found['name']}", found["ref"]) if found else None


def _job(path: str, name: str, job: Mapping[str, Any], default: Mapping[str, str]) -> WorkflowJob:
    for key in _IMPOSSIBLE:
        if key in job:
            raise HarnessError(f"{path}: job {name} has `{key}`, which is not run here")
    uses = job.get("uses", "")
    if uses and not uses.startswith(f"./{_FOLDER}"):
        raise HarnessError(f"{path}: job {name} calls {uses}; only workflows of its own are run")
    needs = job.get("needs") or ()
    environment = job.get("environment")
    if isinstance(environment, dict):
        environment = environment.get("name")
    return WorkflowJob(
        id=name,
        permissions=_permissions(job["permissions"]) if "permissions" in job else default,
        needs=(needs,) if isinstance(needs, str) else tuple(needs),
        environment=environment,
        runs_on=job.get("runs-on"),
        calls=uses.removeprefix("./") or None,
        may_fail=job.get("continue-on-error") is True,
        uses=tuple(step["uses"] for step in job.get("steps") or () if "uses" in step),
    )


def _permissions(written: Any) -> Mapping[str, str]:
    """Return scopes and accesses; nothing written is nothing granted, unlike on older setups."""
    if written in ("read-all", "write-all"):
        return dict.fromkeys(SCOPES, written.removesuffix("-all"))
    granted = written or {}
    if unknown := set(granted) - set(SCOPES):
        raise HarnessError(f"there is no permission {', '.join(sorted(unknown))}")
    return {scope: access for scope, access in granted.items() if access != "none"}


def _triggers(on: Any) -> dict[str, Mapping[str, Any]]:
    if isinstance(on, str):
        return {on: {}}
    if isinstance(on, list):
        return {name: {} for name in on}
    return {
        name: {"cron": [entry["cron"] for entry in filters]}
        if name == "schedule"
        else filters or {}
        for name, filters in (on or {}).items()
    }
