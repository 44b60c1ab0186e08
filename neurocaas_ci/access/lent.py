"""What a user is given: a document with credentials that end by themselves; no I/O here."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from neurocaas_ci.errors import UsageError

SCHEMA = "neurocaas/access/v1"
_RENEW = "ask for a new one: `neurocaas access grant` is what an operator says"


@dataclass(frozen=True, slots=True)
class Lent:
    """Credentials of one session; `expires` is ISO 8601 in UTC, `store` that of all groups."""

    login: str
    group: str
    store: str
    region: str
    key: str
    secret: str
    token: str
    expires: str
    endpoint: str = ""

    def encode(self) -> bytes:
        """Return the document."""
        return (json.dumps({"schema": SCHEMA, **asdict(self)}, indent=2) + "\n").encode()

    def check_time(self, now: datetime) -> None:
        """Raise UsageError when the session has ended."""
        if datetime.fromisoformat(self.expires) <= now:
            raise UsageError(f"this access ended at {self.expires}", where=self.login, hint=_RENEW)

    def variables(self) -> dict[str, str]:
        """Return the environment variables with which `neurocaas` and every tool of AWS use it."""
        found = {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_SESSION_TOKEN": self.token,
            "AWS_REGION": self.region,
            "NEUROCAAS_STORE": self.store,
            "NEUROCAAS_GROUP": self.group,
        }
        return {**found, "AWS_ENDPOINT_URL": self.endpoint} if self.endpoint else found

    def shell(self) -> str:
        """Return lines for a shell to read."""
        return "".join(f"export {k}={shlex.quote(v)}\n" for k, v in self.variables().items())

    def process(self) -> str:
        """Return what AWS tools read of a `credential_process`."""
        document = {
            "Version": 1,
            "AccessKeyId": self.key,
            "SecretAccessKey": self.secret,
            "SessionToken": self.token,
            "Expiration": self.expires,
        }
        return json.dumps(document)


def decode(data: bytes, where: str) -> Lent:
    """Read the document; raise UsageError when it is none."""
    try:
        document = json.loads(data)
        schema = document.pop("schema")
        found = Lent(**document)
        usable = schema == SCHEMA and all(isinstance(v, str) for v in document.values())
        usable = usable and datetime.fromisoformat(found.expires).tzinfo is not None
    except (ValueError, KeyError, TypeError, AttributeError):
        usable = False
    if not usable:
        raise UsageError("what was sealed is no access", where=where, hint=_RENEW)
    return found


def utc(moment: datetime) -> str:
    """Return a moment as the document says it."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
