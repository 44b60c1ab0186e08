"""Issues and labels."""

from __future__ import annotations

from typing import Any

from fake import pushes, shapes
from fake.calls import Call, Listing, Refused, invalid, operation
from fake.records import Item, Label, now

_BOTH = ("issues", "pull_requests")
_LONGEST = 65536


def too_long(resource: str, field: str, text: object) -> None:
    """Refuse a text that GitHub does not keep."""
    if isinstance(text, str) and len(text) > _LONGEST:
        message = f"{field} is too long (maximum is {_LONGEST} characters)"
        raise invalid(resource, "custom", field=field, message=message)


@operation("issues/list-for-repo", "issues")
def list_all(call: Call) -> Any:
    state = call.query.get("state", "open")
    wanted = set(filter(None, call.query.get("labels", "").split(",")))
    found = [
        item for item in reversed(call.repo.items.values())
        if state in {"all", item.state} and wanted <= set(item.labels)
        and call.query.get("creator", item.user.login) == item.user.login
    ]  # fmt: skip
    return Listing(found, lambda item: shapes.issue(call.github, call.repo, item))


@operation("issues/get", *_BOTH)
def get(call: Call) -> Any:
    return shapes.issue(call.github, call.repo, call.item())


@operation("issues/create", "issues", anyone=True)
def create(call: Call) -> Any:
    too_long("Issue", "body", call.body.get("body"))
    title = str(call.body["title"])
    if not title.strip():
        raise invalid("Issue", "missing_field", field="title")
    repo = call.repo
    item = Item(
        call.github.new_id(), repo.next_number(), title, call.body.get("body"),
        call.user, call.app_id,
    )  # fmt: skip
    repo.items[item.number] = item
    if call.github.writes(call.token, repo):
        # Whoever may not write gives labels in vain.
        item.labels = [_label(call, name) for name in _names(call.body.get("labels") or [])]
    call.emit("issues", action="opened", issue=shapes.issue(call.github, repo, item))
    return shapes.issue(call.github, repo, item)


@operation("issues/update", *_BOTH, anyone=True)
def update(call: Call) -> Any:
    item, body = call.item(), call.body
    if item.user != call.user and not call.github.writes(call.token, call.repo):
        raise Refused(403, "Must have admin rights to Repository.")
    too_long("Issue", "body", body.get("body"))
    changes = {}
    for key in ("title", "body"):
        if key in body and getattr(item, key) != body[key]:
            changes[key] = {"from": getattr(item, key) or ""}
            setattr(item, key, body[key])
    if "labels" in body:
        item.labels = [_label(call, name) for name in _names(body["labels"])]
    item.reason = body.get("state_reason", item.reason)
    item.updated = now()
    name = "pull_request" if item.pull else "issues"
    if body.get("state") == "closed" and item.closed is None:
        item.reason = item.reason or "completed"
        pushes.close(call.github, call.repo, item, call.token)
    elif body.get("state") == "open" and item.closed is not None:
        if item.pull and item.pull.merged_at:
            raise invalid("Issue", "custom", message="state cannot be changed.")
        item.closed, item.reason = None, "reopened"
        call.emit(name, action="reopened", **subject(call, item))
    if changes:
        call.emit(name, action="edited", changes=changes, **subject(call, item))
    return shapes.issue(call.github, call.repo, item)


@operation("issues/lock", *_BOTH)
def lock(call: Call) -> Any:
    item = call.item()
    item.locked, item.lock_reason = True, call.body.get("lock_reason")
    call.emit("pull_request" if item.pull else "issues", action="locked", **subject(call, item))


@operation("issues/unlock", *_BOTH)
def unlock(call: Call) -> Any:
    item = call.item()
    item.locked, item.lock_reason = False, None
    call.emit("pull_request" if item.pull else "issues", action="unlocked", **subject(call, item))


@operation("issues/list-labels-on-issue", *_BOTH)
def labels(call: Call) -> Any:
    return Listing(call.item().labels, lambda name: shapes.label(call.repo, call.repo.labels[name]))


@operation("issues/add-labels", *_BOTH)
def add_labels(call: Call) -> Any:
    item = call.item()
    given = call.body["labels"] if isinstance(call.body, dict) else [call.body]
    for name in _names(given):
        name = _label(call, name)  # noqa: PLW2901 - the label knows its own name
        if name not in item.labels:
            item.labels.append(name)
            _labelled(call, item, "labeled", name)
    return [shapes.label(call.repo, call.repo.labels[name]) for name in item.labels]


@operation("issues/set-labels", *_BOTH)
def set_labels(call: Call) -> Any:
    item = call.item()
    wanted = [_label(call, name) for name in _names(call.body.get("labels", []))]
    before, item.labels = item.labels, wanted
    for name in before:
        if name not in wanted:
            _labelled(call, item, "unlabeled", name)
    for name in wanted:
        if name not in before:
            _labelled(call, item, "labeled", name)
    return [shapes.label(call.repo, call.repo.labels[name]) for name in wanted]


@operation("issues/remove-label", *_BOTH)
def remove_label(call: Call) -> Any:
    item, name = call.item(), call.params["name"]
    found = next((known for known in item.labels if known.lower() == name.lower()), None)
    if found is None:
        raise Refused(404, "Label does not exist")
    item.labels.remove(found)
    _labelled(call, item, "unlabeled", found)
    return [shapes.label(call.repo, call.repo.labels[name]) for name in item.labels]


@operation("issues/list-labels-for-repo", *_BOTH)
def all_labels(call: Call) -> Any:
    return Listing(list(call.repo.labels.values()), lambda one: shapes.label(call.repo, one))


@operation("issues/get-label", *_BOTH)
def get_label(call: Call) -> Any:
    for known in call.repo.labels.values():
        if known.name.lower() == call.params["name"].lower():
            return shapes.label(call.repo, known)
    raise Refused(404, "Not Found")


@operation("issues/create-label", *_BOTH)
def create_label(call: Call) -> Any:
    name = call.body["name"]
    if any(known.lower() == name.lower() for known in call.repo.labels):
        raise invalid("Label", "already_exists", field="name")
    made = call.repo.labels[_label(call, name)]
    made.color = call.body.get("color", made.color)
    made.description = call.body.get("description")
    return shapes.label(call.repo, made)


def subject(call: Call, item: Item) -> dict[str, Any]:
    """Return what an event is about."""
    if item.pull is None:
        return {"issue": shapes.issue(call.github, call.repo, item)}
    pull = shapes.pull(call.github, call.repo, item)
    return {"number": item.number, "pull_request": pull}


def _names(given: list[Any]) -> list[str]:
    return [name if isinstance(name, str) else name["name"] for name in given]


def _label(call: Call, name: str) -> str:
    """Return the name of a label of the repository, which is made if need be."""
    known = call.repo.labels
    for other in known:
        if other.lower() == name.lower():
            return other
    known[name] = Label(call.github.new_id(), name)
    return name


def _labelled(call: Call, item: Item, action: str, name: str) -> None:
    item.updated = now()
    shape = shapes.label(call.repo, call.repo.labels[name])
    call.emit("pull_request" if item.pull else "issues", action=action, label=shape, **subject(call, item))  # fmt: skip
