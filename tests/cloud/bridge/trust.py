"""Let the bridge assume roles that trust a service, which moto cannot judge (it answers 500).

On AWS it is the service that assumes the role of a job; here the bridge does, as the administrator.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from moto.iam.access_control import IAMPolicyStatement

ADMINISTRATOR = "administrator"


@contextmanager
def installed() -> Iterator[None]:
    """Let trust in a service be trust in the administrator, and in nobody else."""
    check = IAMPolicyStatement._check_principal

    def trusted(self: IAMPolicyStatement, principal: str) -> bool:
        expected = self._statement.get("Principal")
        if isinstance(expected, dict) and "AWS" not in expected:
            return "Service" in expected and principal.endswith(f":user/{ADMINISTRATOR}")
        return check(self, principal)

    IAMPolicyStatement._check_principal = trusted  # type: ignore[method-assign]
    try:
        yield
    finally:
        IAMPolicyStatement._check_principal = check  # type: ignore[method-assign]
