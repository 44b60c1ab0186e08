"""Rules for workflow files that no linter knows; each yields what is wrong in one file."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import yaml
from workflow_commands import unknown_commands
from workflow_files import Job, Workflow, read

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "github"))
from actions.errors import HarnessError
from actions.expressions import evaluate

ROOT = Path(__file__).resolve().parents[3]
_ALLOWED_ACTIONS = frozenset(
    yaml.safe_load((ROOT / "zizmor.yml").read_text())["rules"]["forbidden-uses"]["config"]["allow"]
)
# Comments and labels are no commands, and nothing but a pull request itself starts its checks.
_EVENTS = frozenset(
    {
        "push",
        "pull_request",
        "workflow_run",
        "workflow_dispatch",
        "workflow_call",
        "schedule",
        "issues",
    }
)
# Strangers choose when these start, and what the event says.
_STRANGERS = frozenset({"pull_request", "workflow_run", "issues"})
# A run by one of these may be that of a workflow file which is only proposed.
_OF_STRANGERS = (
    "pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment",
    "issues", "issue_comment", "workflow_run", "fork", "watch",
)  # fmt: skip
_VARIABLES = ("NEUROCAAS_APP_ID", "NEUROCAAS_HOME", "NEUROCAAS_RUNNER")
# It tests the code of a pull request, so it has to run that; it holds no secret and cannot write.
_RUNS_WHAT_IS_PROPOSED = frozenset({".github/workflows/ci.yml"})
_BASE = "${{ github.event.pull_request.base.sha }}"
_PINNED = re.compile(r"([\w.-]+/[\w.-]+)(?:/[\w./-]+)?@[0-9a-f]{40}")
_SECRETS = re.compile(r"\bsecrets\b")
_HOSTED = re.compile(r"(ubuntu|windows|macos)-[0-9.]+(-arm)?")
_EXECUTES = re.compile(r"(?:^|[;&|({]\s*|\s)(?:source|eval|\.)\s+\S", re.MULTILINE)
_DOWNLOADS = re.compile(r"\b(gh\s+run\s+download|curl|wget)\b|/artifacts\b")
_ENVIRONMENT = re.compile(r"GITHUB_(ENV|PATH)\b")


def _permissions(flow: Workflow) -> Iterator[str]:
    if flow.data.get("permissions") != {}:
        yield "the file has to say `permissions: {}`"
    for job in flow.jobs:
        if "permissions" not in job.data:
            yield f"job {job.name}: it has to name its permissions"


def _events(flow: Workflow) -> Iterator[str]:
    for event in sorted(set(flow.events) - _EVENTS):
        yield f"{event}: nothing may be started by it"
    if "push" in flow.events and flow.events["push"] != {"branches": ["main"]}:
        given = flow.events["push"] or {}
        if given.get("branches") != ["main"] or "tags" in given:
            yield "push: only to main"


def _rights(flow: Workflow) -> Iterator[str]:
    for job in flow.jobs:
        if job.permissions.get("all"):
            yield f"job {job.name}: rights are named one by one"
        if not job.writes and "all" not in job.permissions:
            continue
        if "pull_request" in flow.triggers:
            yield f"job {job.name}: a pull request may start it, so it may only read"
        if "id-token" in job.writes and _by_strangers(flow, job):
            yield f"job {job.name}: strangers may start it, so it has no identity"
        # Where a job calls a workflow, the called job is the one with the environment.
        guarded = {"contents", "id-token", "packages"} & set(job.writes)
        if guarded and "uses" not in job.data and not job.data.get("environment"):
            yield f"job {job.name}: {', '.join(sorted(guarded))}: write needs an environment"


def _by_strangers(flow: Workflow, job: Job) -> bool:
    """Tell whether strangers may start a job; the end of a run is theirs unless its `if` says no.

    `workflows:` goes by names, which a pull request can give to a workflow of its own.
    """
    found = flow.triggers & _STRANGERS
    if found != {"workflow_run"}:
        return bool(found)
    jobs = {one.name: one for one in flow.jobs}
    chain = [job.name]
    for name in chain:
        condition = jobs[name].data.get("if")
        needs = jobs[name].data.get("needs") or []
        if condition is None:
            # It runs only where all that it needs has run.
            chain += [needs] if isinstance(needs, str) else list(needs)
        elif not any(_lets_in(condition, event) for event in _OF_STRANGERS):
            return False
    return True


def _lets_in(condition: object, event: str) -> bool:
    github = {"event_name": "workflow_run", "event": {"workflow_run": {"event": event}}}
    try:
        return any(
            evaluate(condition, {"github": github, "vars": dict.fromkeys(_VARIABLES, value)})
            for value in ("", "1")
        )
    except HarnessError:
        # With functions such as `always()` nobody can tell.
        return True


def _secrets(flow: Workflow) -> Iterator[str]:
    if "pull_request" in flow.triggers:
        if _SECRETS.search(yaml.safe_dump(flow.data)):
            yield "a pull request may start it, so it may not see secrets"
        for job in flow.jobs:
            if "environment" in job.data:
                yield f"job {job.name}: a pull request may start it, so it has no environment"
    for job in flow.jobs:
        if _SECRETS.search(yaml.safe_dump(dict(job.data))) and not job.data.get("environment"):
            yield f"job {job.name}: secrets belong to an environment"


def _artifacts(flow: Workflow) -> Iterator[str]:
    for job in flow.jobs:
        for script in job.scripts():
            if _EXECUTES.search(script):
                yield f"job {job.name}: files are not sourced or evaluated"
            if _ENVIRONMENT.search(script):
                yield f"job {job.name}: no step sets the environment of later ones"
            if flow.triggers & _STRANGERS and _DOWNLOADS.search(script):
                yield f"job {job.name}: a script downloads what strangers left"
        folders = [
            str((step.get("with") or {}).get("path", "")).strip("/")
            for step in job.steps
            if str(step.get("uses", "")).startswith("actions/download-artifact@")
        ]
        if folders and flow.triggers & _STRANGERS:
            yield f"job {job.name}: strangers may have made the artifact"
        for folder in folders:
            if not re.fullmatch(r"[a-z][a-z0-9-]*", folder):
                yield f"job {job.name}: an artifact is unpacked into a folder of its own"
            elif any(_runs(folder, script) for script in job.scripts()):
                yield f"job {job.name}: what an artifact holds is not executed"


def _runs(folder: str, script: str) -> bool:
    here = rf"[\"']?(?:\./)?{re.escape(folder)}/"
    return bool(
        re.search(
            rf"(?:^|[;&|]|\b(?:bash|sh|python3?|node|exec|sudo|env)\s)\s*{here}",
            script,
            re.MULTILINE,
        )
        or re.search(rf"\bchmod\b.*{here}", script)
    )


def _checkout(flow: Workflow) -> Iterator[str]:
    for job in flow.jobs:
        for step in job.steps:
            if not str(step.get("uses", "")).startswith("actions/checkout@"):
                continue
            given = step.get("with") or {}
            if given.get("persist-credentials") is not False:
                yield f"job {job.name}: checkout has to say `persist-credentials: false`"
            if {"repository", "path"} & set(given):
                yield f"job {job.name}: only this repository is checked out, in its place"
            if flow.path in _RUNS_WHAT_IS_PROPOSED:
                continue
            if given.get("ref") != (_BASE if "pull_request" in flow.triggers else None):
                yield f"job {job.name}: checkout of what may come from a stranger"


def _cache(flow: Workflow) -> Iterator[str]:
    for job in flow.jobs:
        if any(use.startswith("actions/cache") for use in job.uses()):
            yield f"job {job.name}: a cache carries files from one trust to another"
        if any("cache" in (step.get("with") or {}) for step in job.steps):
            yield f"job {job.name}: a cache carries files from one trust to another"


def _timeouts(flow: Workflow) -> Iterator[str]:
    for job in flow.jobs:
        if "uses" not in job.data and not isinstance(job.data.get("timeout-minutes"), int):
            yield f"job {job.name}: it has to end by itself (timeout-minutes)"


def _expressions(flow: Workflow) -> Iterator[str]:
    for job in flow.jobs:
        if any("${{" in script for script in job.scripts()):
            yield f"job {job.name}: values reach a script by its environment"


def _runners(flow: Workflow) -> Iterator[str]:
    if not flow.triggers & _STRANGERS:
        return
    for job in flow.jobs:
        if "uses" not in job.data and not _HOSTED.fullmatch(str(job.data.get("runs-on"))):
            yield f"job {job.name}: strangers may start it, so it runs on GitHub's machines"


def _actions(flow: Workflow) -> Iterator[str]:
    for job in flow.jobs:
        for use in job.uses():
            pinned = _PINNED.fullmatch(use)
            if use.startswith("./.github/workflows/"):
                continue
            if pinned is None:
                yield f"job {job.name}: {use} is not pinned to a commit"
            elif pinned[1] not in _ALLOWED_ACTIONS:
                yield f"job {job.name}: {pinned[1]} is not among the allowed actions"


def _commands(flow: Workflow) -> Iterator[str]:
    for job in flow.jobs:
        for script in job.scripts():
            for problem in unknown_commands(script):
                yield f"job {job.name}: {problem}"


RULES: Mapping[str, Callable[[Workflow], Iterator[str]]] = {
    "permissions": _permissions,
    "events": _events,
    "rights": _rights,
    "secrets": _secrets,
    "artifacts": _artifacts,
    "checkout": _checkout,
    "cache": _cache,
    "timeouts": _timeouts,
    "expressions": _expressions,
    "runners": _runners,
    "actions": _actions,
    "commands": _commands,
}
"""What is asked of each workflow, by the name of the rule."""


def breaches(files: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return which rules are broken: the name of each, and where and what."""
    return [
        (name, f"{flow.path}: {problem}")
        for flow in read(files)
        for name, rule in RULES.items()
        for problem in rule(flow)
    ]
