"""What an App may ask for with its key: who it is, where it is installed, a token."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from fake.calls import Call, Refused, operation

_LEVELS = ("none", "read", "write", "admin")


def _own(call: Call) -> Any:
    app = call.github.keys.get(call.app_id or 0)
    if app is None or call.token is None or call.token.value in call.github.tokens:
        raise Refused(401, "A JSON web token could not be decoded")
    return app


@operation("apps/get-authenticated")
def who(call: Call) -> Any:
    app, shape = _own(call), call.github.spec.example(call.operation)
    asked = app.permissions if app.asked is None else app.asked
    shape.update(id=app.id, slug=app.slug, name=app.slug, permissions={**asked, "metadata": "read"})
    return shape


@operation("apps/get-repo-installation")
def installation(call: Call) -> Any:
    app, shape = _own(call), call.github.spec.example(call.operation, call.repo.full_name)
    if not app.installed:
        raise Refused(404, "Not Found")
    shape.update(
        id=app.id, app_id=app.id, app_slug=app.slug, repository_selection=app.selection,
        permissions={**app.permissions, "metadata": "read"},
    )  # fmt: skip
    return shape


@operation("apps/create-installation-access-token")
def token(call: Call) -> Any:
    app = _own(call)
    if call.params["installation_id"] != str(app.id):
        raise Refused(404, "Not Found")
    body = call.body or {}
    permissions = body.get("permissions") or dict(app.permissions)
    if any(_LEVELS.index(level) > _LEVELS.index(app.permissions.get(name, "none"))
           for name, level in permissions.items()):  # fmt: skip
        raise Refused(422, "The permissions requested are not granted to this installation.")
    # An installation is of one account; forks are with others.
    everything = call.github.repositories.items()
    known = {one.name: full_name for full_name, one in everything if one.parent is None}
    names = body.get("repositories")
    if names is not None and not set(names) <= set(known):
        raise Refused(422, "There is at least one repository that does not exist or is not accessible to the parent installation.")  # fmt: skip
    made = call.github.token(
        app.slug, kind="app", app_id=app.id, permissions=permissions,
        repositories=None if names is None else [known[name] for name in names],
    )  # fmt: skip
    made.ends = time.time() + call.github.app_token_seconds
    ends = dt.datetime.fromtimestamp(made.ends, dt.UTC)
    shape = call.github.spec.example(call.operation)
    shape.update(token=made.value, expires_at=ends.strftime("%FT%TZ"), permissions=permissions)
    shape.pop("repositories", None)
    return shape
