"""What moto does not know of sessions of roles: the name in `aws:userid`, and trust in an account.

Of conditions in policies of roles only StringLike on `aws:userid` is judged, others count as met.
"""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.iam.access_control import IAMPolicyStatement, IAMRequestBase

_now = threading.local()


@contextmanager
def installed() -> Iterator[None]:
    """Let moto judge sessions by their names, and take an account's root for everybody in it."""
    principal = IAMPolicyStatement._check_principal
    conditions = IAMPolicyStatement._check_conditions
    permitted = IAMRequestBase.check_action_permitted

    def trusted(self: IAMPolicyStatement, asking: str) -> bool:
        expected = (self._statement.get("Principal") or {}).get("AWS", "")
        if isinstance(expected, str) and expected.endswith(":root"):
            return asking.split(":")[4] == expected.split(":")[4]
        return principal(self, asking)

    def met(self: IAMPolicyStatement, incoming: dict[str, str] | None) -> bool:
        if incoming is not None:
            return conditions(self, incoming)
        patterns = (self._statement.get("Condition") or {}).get("StringLike", {}).get("aws:userid")
        return patterns is None or any(fnmatch.fnmatchcase(_now.userid, p) for p in patterns)

    def judged(self: IAMRequestBase, resource: str) -> None:
        session: Any = getattr(self._access_key, "_session_name", "")
        _now.userid = f"AROA0123456789:{session}"
        permitted(self, resource)

    IAMPolicyStatement._check_principal = trusted  # type: ignore[method-assign]
    IAMPolicyStatement._check_conditions = met  # type: ignore[method-assign]
    IAMRequestBase.check_action_permitted = judged  # type: ignore[method-assign]
    try:
        yield
    finally:
        IAMPolicyStatement._check_principal = principal  # type: ignore[method-assign]
        IAMPolicyStatement._check_conditions = conditions  # type: ignore[method-assign]
        IAMRequestBase.check_action_permitted = permitted  # type: ignore[method-assign]
