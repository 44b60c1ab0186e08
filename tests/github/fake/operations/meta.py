"""The root, rate limits, and accounts."""

from __future__ import annotations

from typing import Any

from fake import shapes
from fake.calls import Call, Refused, not_accessible, operation
from fake.people import User


@operation("meta/root")
def root(call: Call) -> Any:
    return call.github.spec.example(call.operation)


@operation("rate-limit/get")
def rate_limit(call: Call) -> Any:
    body = call.github.spec.example(call.operation)
    if call.token:
        most, used = call.token.limit, call.token.used
        now = {"limit": most, "used": used, "remaining": max(most - used, 0)}
        body["rate"].update(now)
        body["resources"]["core"].update(now)
    return body


@operation("users/get-authenticated")
def me(call: Call) -> Any:
    if call.token is None or call.token.app:
        raise not_accessible(call.token, "")
    return _account(call, call.user)


@operation("users/get-by-username")
def by_login(call: Call) -> Any:
    found = call.github.users.get(call.params["username"].lower())
    if found is None:
        raise Refused(404, "Not Found")
    return _account(call, found)


@operation("users/get-by-id")
def by_id(call: Call) -> Any:
    for user in call.github.users.values():
        if str(user.id) == call.params["account_id"]:
            return _account(call, user)
    raise Refused(404, "Not Found")


def _account(call: Call, user: User) -> Any:
    shape = call.github.spec.example("users/get-by-username")
    shape.update(shapes.user(call.github, user), name=None, email=None, user_view_type="public")
    return shape
