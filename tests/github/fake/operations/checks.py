"""Check runs and statuses of commits."""

from __future__ import annotations

from typing import Any

from fake import git_shapes, shapes
from fake.calls import Call, Listing, Refused, invalid, operation
from fake.records import CheckRun, Status, now

_LONGEST = 65535
_FACTS = (
    "name",
    "status",
    "conclusion",
    "external_id",
    "details_url",
    "started_at",
    "completed_at",
)


@operation("checks/create", "checks")
def create(call: Call) -> Any:
    sha = call.body["head_sha"]
    if call.repo.git.kind(sha) != "commit":
        raise Refused(422, f"No commit found for SHA: {sha}")
    token = call.token
    assert token is not None
    assert token.app_id is not None
    check = CheckRun(
        call.github.new_id(), sha, token.app_id, token.user.login,
        {"status": "queued", "conclusion": None, "external_id": "", "started_at": now(),
         "details_url": None, "completed_at": None},
        {"title": None, "summary": None, "text": None, "annotations": []},
    )  # fmt: skip
    _change(call, check)
    call.repo.checks[check.id] = check
    call.emit("check_run", action="created", check_run=_shape(call, check))
    _completed(call, check)
    return _shape(call, check)


@operation("checks/update", "checks")
def update(call: Call) -> Any:
    check = _check(call)
    if check.app_id != call.app_id:
        raise Refused(403, "Invalid app_id `%d` - check run can only be modified by the GitHub App that created it." % (call.app_id or 0))  # noqa: UP031 # fmt: skip
    done = check.facts["status"] == "completed"
    _change(call, check)
    if not done:
        _completed(call, check)
    return _shape(call, check)


@operation("checks/get", "checks")
def get(call: Call) -> Any:
    return _shape(call, _check(call))


@operation("checks/list-for-ref", "checks")
def list_for_ref(call: Call) -> Any:
    query = call.query
    found = [
        check for check in reversed(call.repo.checks_of(call.commit(call.params["ref"])))
        if query.get("check_name", check.facts["name"]) == check.facts["name"]
        and query.get("status", check.facts["status"]) == check.facts["status"]
        and query.get("app_id", str(check.app_id)) == str(check.app_id)
    ]  # fmt: skip
    if query.get("filter", "latest") == "latest":
        latest: dict[tuple[Any, ...], CheckRun] = {}
        for check in found:
            latest.setdefault(
                (check.app_id, check.facts["name"], check.facts["external_id"]), check
            )
        found = list(latest.values())
    return Listing(found, lambda check: _shape(call, check), "check_runs")


@operation("repos/create-commit-status", "statuses")
def create_status(call: Call) -> Any:
    sha, body = call.params["sha"], call.body
    if call.repo.git.kind(sha) != "commit":
        raise Refused(422, f"No commit found for SHA: {sha}")
    description = body.get("description")
    if description is not None and len(description) > 140:
        raise invalid("Status", "custom", field="description",
                      message="description is too long (maximum is 140 characters)")  # fmt: skip
    status = Status(
        call.github.new_id(), sha, body["state"], body.get("context", "default"),
        description, body.get("target_url"), call.user,
    )  # fmt: skip
    call.repo.statuses.insert(0, status)
    commit = git_shapes.commit(call.github, call.repo, call.repo.git.log("-1", sha)[0])
    call.emit(
        "status", id=status.id, sha=sha, state=status.state, context=status.context,
        description=description, target_url=status.target_url, branches=[], commit=commit,
        name=call.repo.full_name, created_at=status.created, updated_at=status.created,
        avatar_url=None,
    )  # fmt: skip
    return _status(call, status)


@operation("repos/list-commit-statuses-for-ref", "statuses")
def statuses(call: Call) -> Any:
    sha = call.commit(call.params["ref"])
    found = [status for status in call.repo.statuses if status.sha == sha]
    return Listing(found, lambda status: _status(call, status))


@operation("repos/get-combined-status-for-ref", "statuses")
def combined(call: Call) -> Any:
    sha = call.commit(call.params["ref"])
    latest: dict[str, Status] = {}
    for status in call.repo.statuses:
        if status.sha == sha:
            latest.setdefault(status.context, status)
    states = {status.state for status in latest.values()}
    state = "pending" if "pending" in states or not states else "success"
    shape = call.example()
    simple = []
    for status in latest.values():
        told = _status(call, status)
        told.pop("creator")
        simple.append({**told, "required": False})
    shape.update(
        sha=sha, state="failure" if states & {"failure", "error"} else state, statuses=simple,
        total_count=len(simple), commit_url=f"{call.repo.url}/commits/{sha}",
        url=f"{call.repo.url}/commits/{sha}/status",
    )  # fmt: skip
    for key in ("id", "node_id", "name", "full_name", "owner", "private", "html_url", "url"):
        shape["repository"][key] = shapes.repository(call.github, call.repo)[key]
    return shape


def _check(call: Call) -> CheckRun:
    found = call.repo.checks.get(int(call.params["check_run_id"]))
    if found is None:
        raise Refused(404, "Not Found")
    return found


def _change(call: Call, check: CheckRun) -> None:
    output = call.body.get("output") or {}
    for key in ("summary", "text"):
        if len((output.get(key) or "").encode()) > _LONGEST:
            raise invalid("CheckRun", "custom", field="output",
                          message=f"{key} exceeds a maximum bytesize of {_LONGEST}")  # fmt: skip
    if len(output.get("annotations") or []) > 50:
        raise invalid("CheckRun", "custom", field="annotations", message="No more than 50 items")
    annotations = check.output["annotations"] + list(output.get("annotations") or [])
    check.output.update({key: output[key] for key in ("title", "summary", "text") if key in output})
    check.output["annotations"] = annotations
    check.facts.update({key: call.body[key] for key in _FACTS if key in call.body})
    if call.body.get("conclusion"):
        check.facts["status"] = "completed"
        check.facts["completed_at"] = call.body.get("completed_at") or now()
    elif check.facts["status"] != "completed":
        check.facts["conclusion"] = check.facts["completed_at"] = None


def _completed(call: Call, check: CheckRun) -> None:
    if check.facts["status"] == "completed":
        call.emit("check_run", action="completed", check_run=_shape(call, check))


def _shape(call: Call, check: CheckRun) -> Any:
    shape = call.example("checks/create")
    url, page = f"{call.repo.url}/check-runs/{check.id}", f"{call.repo.html_url}/runs/{check.id}"
    output = {key: value for key, value in check.output.items() if key != "annotations"}
    shape.update(
        check.facts, id=check.id, node_id=f"CR_{check.id}", url=url, html_url=page,
        head_sha=check.head_sha, pull_requests=[], check_suite={"id": check.app_id},
        details_url=check.facts["details_url"] or page,
        output={**output, "annotations_count": len(check.output["annotations"]),
                "annotations_url": f"{url}/annotations"},
        app=shapes.app(call.github, check.app_id),
    )  # fmt: skip
    shape.pop("deployment", None)
    return shape


def _status(call: Call, status: Status) -> Any:
    shape = call.example("repos/create-commit-status")
    creator = shapes.user(call.github, status.creator)
    shape.update(
        id=status.id, node_id=f"S_{status.id}", state=status.state, context=status.context,
        description=status.description, target_url=status.target_url, creator=creator,
        url=f"{call.repo.url}/statuses/{status.sha}", avatar_url=creator["avatar_url"],
        created_at=status.created, updated_at=status.created,
    )  # fmt: skip
    return shape
