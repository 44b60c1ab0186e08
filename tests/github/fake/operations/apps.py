"""What an App may ask for with its key: who it is, where it is installed, a token."""

from __future__ import annotations

import datetime as dt
from typing import Any

from fake.calls import Call, Refused, operation


def _own(call: Call) -> Any:
    app = call.github.keys.get(call.app_id or 0)
    if app is None or call.token is None or call.token.value in call.github.tokens:
        raise Refused(401, "A JSON web token could not be decoded")
    return app


@operation("apps/get-authenticated")
def who(call: Call) -> Any:
    app, shape = _own(call), call.github.spec.example(call.operation)
    shape.update(id=app.id, slug=app.slug, name=app.slug)
    return shape


@operation("apps/get-repo-installation")
def installation(call: Call) -> Any:
    app, shape = _own(call), call.github.spec.example(call.operation, call.repo.full_name)
    shape.update(id=app.id, app_id=app.id, app_slug=app.slug, permissions=dict(app.permissions))
    return shape


@operation("apps/create-installation-access-token")
def token(call: Call) -> Any:
    app = _own(call)
    if call.params["installation_id"] != str(app.id):
        raise Refused(404, "Not Found")
    made = call.github.token(app.slug, kind="app", app_id=app.id, permissions=app.permissions)
    ends = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    shape = call.github.spec.example(call.operation)
    shape.update(
        token=made.value, expires_at=ends.strftime("%FT%TZ"), permissions=dict(app.permissions)
    )
    shape.pop("repositories", None)
    return shape
