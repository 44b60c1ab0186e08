"""Comments on issues and pull requests."""

from __future__ import annotations

from typing import Any

from fake import shapes
from fake.calls import Call, Listing, Refused, invalid, operation
from fake.records import Comment, now

from .issues import too_long

_BOTH = ("issues", "pull_requests")


@operation("issues/list-comments", *_BOTH)
def list_all(call: Call) -> Any:
    found = call.repo.comments_of(call.item().number)
    since = call.query.get("since", "")
    found = [comment for comment in found if comment.updated >= since]
    return Listing(found, lambda comment: shapes.comment(call.github, call.repo, comment))


@operation("issues/get-comment", *_BOTH)
def get(call: Call) -> Any:
    return shapes.comment(call.github, call.repo, _comment(call))


@operation("issues/create-comment", *_BOTH, anyone=True)
def create(call: Call) -> Any:
    item = call.item()
    if item.locked and not call.github.writes(call.token, call.repo):
        raise Refused(403, "Unable to create comment because issue is locked.")
    _check(call.body["body"])
    comment = Comment(call.github.new_id(), item.number, call.body["body"], call.user, call.app_id)
    call.repo.comments[comment.id] = comment
    item.updated = now()
    _emit(call, comment, "created")
    return shapes.comment(call.github, call.repo, comment)


@operation("issues/update-comment", *_BOTH, anyone=True)
def update(call: Call) -> Any:
    comment = _comment(call)
    _own(call, comment)
    _check(call.body["body"])
    before, comment.body, comment.updated = comment.body, call.body["body"], now()
    _emit(call, comment, "edited", changes={"body": {"from": before}})
    return shapes.comment(call.github, call.repo, comment)


@operation("issues/delete-comment", *_BOTH, anyone=True)
def delete(call: Call) -> Any:
    comment = _comment(call)
    _own(call, comment)
    _emit(call, comment, "deleted")
    del call.repo.comments[comment.id]


def _comment(call: Call) -> Comment:
    found = call.repo.comments.get(int(call.params["comment_id"]))
    if found is None:
        raise Refused(404, "Not Found")
    return found


def _own(call: Call, comment: Comment) -> None:
    if comment.user != call.user and not call.github.writes(call.token, call.repo):
        raise Refused(403, "Must have admin rights to Repository.")


def _check(body: str) -> None:
    if not body.strip():
        raise invalid("IssueComment", "unprocessable", field="body", message="Body cannot be blank")
    too_long("IssueComment", "body", body)


def _emit(call: Call, comment: Comment, action: str, **more: Any) -> None:
    item = call.repo.items[comment.number]
    call.emit(
        "issue_comment", action=action, issue=shapes.issue(call.github, call.repo, item),
        comment=shapes.comment(call.github, call.repo, comment), **more,
    )  # fmt: skip
