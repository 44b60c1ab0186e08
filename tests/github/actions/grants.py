"""What a run may do and know: the permissions of its token, its secrets, its identity; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import HarnessError
from .expressions import evaluate
from .workflow import Workflow

_MAIN = "refs/heads/main"
# What these allow is not done with GITHUB_TOKEN at GitHub's API.
_NO_API = {"id-token"}


@dataclass(frozen=True, slots=True)
class Grant:
    """What one run is given; `environments` are those that it entered."""

    permissions: Mapping[str, str]
    secrets: Mapping[str, str]
    environments: tuple[str, ...]
    identity: bool


def grant(
    workflow: Workflow,
    called: Iterable[Workflow],
    contexts: Mapping[str, Any],
    secrets: Mapping[str, str],
    environments: Mapping[str, Mapping[str, str]],
) -> Grant:
    """Return what a run is given; a pull request from a fork can read, and knows nothing.

    `called` are the workflow files that its jobs call, whose jobs may enter environments as well.

    Environments are taken to be open to main alone. act has one token and one set of secrets for
    all jobs of a run, so a job here has what any job of its workflow has.
    """
    github = contexts["github"]
    if is_from_fork(github["event"]) and github["event_name"].startswith("pull_request"):
        granted = {s: "read" for s in workflow.permissions() if s not in _NO_API}
        return Grant(granted, {}, (), identity=False)
    entered = tuple(
        sorted(
            {
                str(evaluate(job.environment, contexts))
                for file in (workflow, *called)
                for job in file.jobs.values()
                if job.environment
            }
        )
    )
    known = dict(secrets)
    if github["ref"] == _MAIN:
        for name in entered:
            known |= environments.get(name, {})
    permissions = workflow.permissions()
    granted = {scope: access for scope, access in permissions.items() if scope not in _NO_API}
    return Grant(granted, known, entered, identity=permissions.get("id-token") == "write")


def is_from_fork(event: Mapping[str, Any]) -> bool:
    """Tell whether an event is about a pull request from another repository."""
    pull = event.get("pull_request")
    if not pull:
        return False
    head, base = pull["head"].get("repo") or {}, pull["base"]["repo"]
    return bool(head.get("full_name") != base["full_name"])


def identities(
    workflow: Workflow, called: Mapping[str, Workflow], contexts: Mapping[str, Any]
) -> dict[str, dict[str, str] | None]:
    """Return what GitHub's identity token says of each job with steps, None where it gets none.

    A job of a called workflow has what the caller grants it as well. Raise HarnessError for two jobs
    of one id, for within a run of act nothing else tells them apart.
    """
    found: dict[str, dict[str, str] | None] = {}
    for caller in workflow.jobs.values():
        file = called[caller.calls] if caller.calls else workflow
        for job in file.jobs.values() if caller.calls else (caller,):
            if job.id in found:
                raise HarnessError(f"{workflow.path}: two jobs have the id {job.id}")
            granted = all(one.permissions.get("id-token") == "write" for one in (caller, job))
            entered = str(evaluate(job.environment, contexts)) if job.environment else None
            told = claims(workflow, contexts, entered, file.path)
            found[job.id] = told if granted else None
    return found


def claims(
    workflow: Workflow, contexts: Mapping[str, Any], environment: str | None, signer: str
) -> dict[str, str]:
    """Return what GitHub's identity token says of a job; `signer` is the file that it stands in.

    https://docs.github.com/actions/reference/security/oidc
    """
    github = contexts["github"]
    repository, ref, sha = github["repository"], github["ref"], github["sha"]
    if environment:
        subject = f"environment:{environment}"
    elif github["event_name"] == "pull_request":
        subject = "pull_request"
    else:
        subject = f"ref:{ref}"
    owner, _, name = repository.partition("/")
    # Repositories that were made or renamed since 2026-07-15 have their numbers in it.
    whole = f"{owner}@{github['repository_owner_id']}/{name}@{github['repository_id']}"
    return {
        "sub": f"repo:{whole}:{subject}",
        "repository": repository,
        "repository_owner": repository.partition("/")[0],
        "sha": sha,
        "ref": ref,
        "workflow": workflow.name,
        "workflow_ref": f"{repository}/{workflow.path}@{ref}",
        "workflow_sha": sha,
        "job_workflow_ref": f"{repository}/{signer}@{ref}",
        "job_workflow_sha": sha,
        "event_name": github["event_name"],
        "runner_environment": "github-hosted",
        "run_id": github["run_id"],
        "run_attempt": "1",
        **({"environment": environment} if environment else {}),
    }
