"""Which workflows an event starts, by the rules of `on:`; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import globs
from .errors import HarnessError
from .workflow import Workflow

Payload = Mapping[str, Any]

_DEFAULT_TYPES = {
    "pull_request": ("opened", "synchronize", "reopened"),
    "pull_request_target": ("opened", "synchronize", "reopened"),
}
_KNOWN = {
    "types", "branches", "branches-ignore", "tags", "tags-ignore", "paths", "paths-ignore",
    "workflows", "cron", "inputs",
}  # fmt: skip
_SKIP = re.compile(r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]", re.IGNORECASE)
_BRANCH, _TAG = "refs/heads/", "refs/tags/"


def starts(
    workflow: Workflow, event: str, payload: Payload, changed: Callable[[], Sequence[str]]
) -> bool:
    """Tell whether an event starts a workflow; `changed` lists the paths that the event changed."""
    if event not in workflow.triggers or event == "workflow_call":
        return False
    filters = workflow.triggers[event]
    if unknown := set(filters) - _KNOWN:
        raise HarnessError(f"{workflow.path}: unknown filter of {event}: {sorted(unknown)}")
    if event == "workflow_dispatch":
        return _file_of(str(payload["workflow"])) == _file_of(workflow.path)
    if event == "schedule":
        return payload["schedule"] in filters["cron"]
    if event == "workflow_run" and payload["workflow_run"]["name"] not in filters["workflows"]:
        return False
    return (
        _type_is_meant(event, filters, payload)
        and _ref_is_meant(event, filters, payload)
        and _paths_are_meant(filters, changed)
    )


def held_back(event: str, payload: Payload) -> bool:
    """Tell whether an event starts nothing: GITHUB_TOKEN made it, or the commit asks for it.

    https://docs.github.com/actions/concepts/security/github_token#when-github_token-triggers-workflow-runs
    """
    if event in ("workflow_dispatch", "repository_dispatch", "workflow_run", "schedule"):
        return False
    if (payload.get("sender") or {}).get("login") == "github-actions[bot]":
        return True
    message = (payload.get("head_commit") or {}).get("message") or ""
    return event == "push" and bool(_SKIP.search(message))


def _file_of(path: str) -> str:
    return path.partition("@")[0].rpartition("/")[2]


def _type_is_meant(event: str, filters: Mapping[str, Any], payload: Payload) -> bool:
    types = filters.get("types") or _DEFAULT_TYPES.get(event)
    if types is None:
        return True
    return payload.get("action") in ([types] if isinstance(types, str) else types)


def _ref_is_meant(event: str, filters: Mapping[str, Any], payload: Payload) -> bool:
    if event == "push":
        return _pushed_is_meant(filters, payload)
    if event == "workflow_run":
        name = payload["workflow_run"]["head_branch"] or ""
    elif event.startswith("pull_request"):
        name = payload["pull_request"]["base"]["ref"]
    else:
        return True
    return _name_is_meant(filters, "branches", name)


def _pushed_is_meant(filters: Mapping[str, Any], payload: Payload) -> bool:
    if payload.get("deleted"):
        return False
    ref = str(payload["ref"])
    mine, other = ("branches", "tags") if ref.startswith(_BRANCH) else ("tags", "branches")
    name = ref.removeprefix(_BRANCH).removeprefix(_TAG)
    if mine in filters or f"{mine}-ignore" in filters:
        return _name_is_meant(filters, mine, name)
    # Who filters only the other kind does not want this one.
    return other not in filters and f"{other}-ignore" not in filters


def _name_is_meant(filters: Mapping[str, Any], kind: str, name: str) -> bool:
    if kind in filters:
        return globs.matches(_list(filters[kind]), name)
    ignored = filters.get(f"{kind}-ignore")
    return ignored is None or not globs.matches(_list(ignored), name)


def _paths_are_meant(filters: Mapping[str, Any], changed: Callable[[], Sequence[str]]) -> bool:
    if "paths" in filters:
        return globs.any_meant(_list(filters["paths"]), changed())
    if "paths-ignore" in filters:
        return not globs.all_ignored(_list(filters["paths-ignore"]), changed())
    return True


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
