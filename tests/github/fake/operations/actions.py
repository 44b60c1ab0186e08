"""Runs of workflow files, their artifacts, and starting one."""

from __future__ import annotations

from typing import Any

from fake import actions_shapes, downloads
from fake.calls import Call, Listing, Refused, Reply, operation
from fake.records import Artifact, Run

_FOLDER = ".github/workflows/"
_MOST_INPUTS = 25


@operation("actions/list-repo-workflows", "actions")
def workflows(call: Call) -> Any:
    paths = _files(call)
    return Listing(
        paths, lambda path: actions_shapes.workflow(call.github, call.repo, path), "workflows"
    )


@operation("actions/get-workflow", "actions")
def workflow(call: Call) -> Any:
    return actions_shapes.workflow(call.github, call.repo, _path(call))


@operation("actions/create-workflow-dispatch", "actions")
def dispatch(call: Call) -> Any:
    path, name = _path(call), call.body["ref"]
    ref = name if name.startswith("refs/") else f"refs/heads/{name}"
    commit = call.repo.git.commit_of(ref) or call.repo.git.commit_of(f"refs/tags/{name}")
    if commit is None:
        raise Refused(422, f"No ref found for: {name}")
    text = call.repo.read(path, commit) or b""
    if b"workflow_dispatch" not in text:
        raise Refused(422, "Workflow does not have 'workflow_dispatch' trigger")
    inputs = call.body.get("inputs") or {}
    if len(inputs) > _MOST_INPUTS:
        raise Refused(422, f"you may only define up to {_MOST_INPUTS} `inputs` for a `workflow_dispatch` event")  # fmt: skip
    call.emit("workflow_dispatch", ref=ref, workflow=path, inputs=inputs)
    return Reply(204)


@operation("actions/list-workflow-runs-for-repo", "actions")
def runs(call: Call) -> Any:
    return _runs(call, list(call.repo.runs.values()))


@operation("actions/list-workflow-runs", "actions")
def runs_of_workflow(call: Call) -> Any:
    path = _path(call)
    return _runs(call, [run for run in call.repo.runs.values() if run.path == path])


@operation("actions/get-workflow-run", "actions")
def run(call: Call) -> Any:
    return actions_shapes.run(call.github, call.repo, _run(call))


@operation("actions/list-workflow-run-artifacts", "actions")
def artifacts(call: Call) -> Any:
    name = call.query.get("name")
    found = [one for one in _run(call).artifacts if name in {None, one.name}]
    return Listing(
        found, lambda one: actions_shapes.artifact(call.github, call.repo, one), "artifacts"
    )


@operation("actions/get-artifact", "actions")
def artifact(call: Call) -> Any:
    return actions_shapes.artifact(call.github, call.repo, _artifact(call))


@operation("actions/download-artifact", "actions", secret=True)
def download(call: Call) -> Any:
    found = _artifact(call)
    if found.expired:
        raise Refused(410, "Artifact has expired")
    if call.params["archive_format"] != "zip":
        raise Refused(404, "Not Found")
    address = downloads.signed(call.github.storage, call.repo.full_name, found.id)
    return Reply(302, None, {"Location": address})


def _files(call: Call) -> list[str]:
    tree = call.repo.git.object_at(call.repo.default_branch, _FOLDER.rstrip("/"))
    return [_FOLDER + entry[4] for entry in call.repo.git.entries(tree)] if tree else []


def _path(call: Call) -> str:
    """Return the workflow file that the path names by its id or its name."""
    name = call.params["workflow_id"]
    for path in {*_files(call), *(run.path for run in call.repo.runs.values())}:
        if name in {path.rpartition("/")[2], str(call.repo.workflow_id(path))}:
            return path
    raise Refused(404, "Not Found")


def _runs(call: Call, found: list[Run]) -> Listing:
    query = call.query
    kept = [
        run for run in reversed(found)
        if query.get("event", run.event) == run.event
        and query.get("head_sha", run.head_sha) == run.head_sha
        and query.get("branch", run.head_branch) == run.head_branch
        and query.get("status", run.status) in {run.status, run.conclusion}
        and query.get("actor", run.actor.login) == run.actor.login
    ]  # fmt: skip
    return Listing(
        kept, lambda run: actions_shapes.run(call.github, call.repo, run), "workflow_runs"
    )


def _run(call: Call) -> Run:
    found = call.repo.runs.get(int(call.params["run_id"]))
    if found is None:
        raise Refused(404, "Not Found")
    return found


def _artifact(call: Call) -> Artifact:
    found = call.repo.artifacts.get(int(call.params["artifact_id"]))
    if found is None:
        raise Refused(404, "Not Found")
    return found
