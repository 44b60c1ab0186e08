"""Grants: leave for somebody without an account to store one content, known by its digest.

A grant is a presigned address and the headers that are part of its signature: the sha256 that S3
compares with what arrives, and the condition that nothing is there yet. So it is good for this
content alone, once, for a time.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from neurocaas_ci.errors import BackendUnavailableError, IntegrityError, UsageError
from neurocaas_ci.model.digest import Sha256, parse_sha256
from neurocaas_ci.stores.interface import Blob, Readable
from neurocaas_ci.stores.names import check_name

_SCHEMA = "neurocaas/upload-grant/v1"
LARGEST = 5 * 10**9
"""What S3 takes in one request, in bytes, and so what one presigned address can carry."""
_SECONDS = 60
_CHUNK = 1 << 20
_THERE = frozenset({409, 412})


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to store one content under a name until `expires` (RFC 3339)."""

    name: str
    sha256: Sha256
    size: int
    url: str
    headers: Mapping[str, str]
    expires: str

    def encode(self) -> bytes:
        """Return the grant as a JSON document; it is a secret until it expires."""
        return (json.dumps({"schema": _SCHEMA, **asdict(self)}, indent=2) + "\n").encode()


def read_grant(path: Path) -> Grant:
    """Read a grant; raise UsageError when the file is none, or has expired."""
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        grant = Grant(**{key: document[key] for key in Grant.__slots__})
        known = document["schema"] == _SCHEMA and urlsplit(grant.url).scheme in {"http", "https"}
        check_name(grant.name)
        parse_sha256(grant.sha256)
        late = datetime.fromisoformat(grant.expires) <= datetime.now(UTC)
    except OSError as error:
        raise UsageError(
            f"the upload grant cannot be read: {error.strerror}",
            where=str(path),
            hint="name the file that `neurocaas data grant` wrote",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"not an upload grant: {error}",
            where=str(path),
            hint="a member of the lab makes one with `neurocaas data grant`",
        ) from error
    if not known or late:
        raise UsageError(
            f"the grant expired at {grant.expires}" if known else "this is another kind of grant",
            where=str(path),
            hint="ask for a new one",
        )
    return grant


def use(grant: Grant, stream: BinaryIO, body: Readable) -> Blob:
    """Store a file by a grant; `body` reads the same file and may show how far it is.

    Raise UsageError when it is not the content that was granted, and BackendUnavailableError when it
    cannot be sent; then nothing is stored.
    """
    size = os.fstat(stream.fileno()).st_size
    hasher = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        hasher.update(chunk)
    digest = hasher.hexdigest()
    if (digest, size) != (grant.sha256, grant.size):
        raise UsageError(
            f"the grant is for {grant.size:,} bytes with sha256 {grant.sha256[:12]}…;"
            f" this file has {size:,} bytes with {digest[:12]}…",
            where=grant.name,
            hint="ask for a grant for this file: its size and what `sha256sum FILE` says",
        )
    stream.seek(0)
    status, text = _send(grant, body)
    if status in _THERE:
        # Somebody has stored this very content: its name is its digest.
        return Blob(grant.sha256, grant.size)
    if status != http.client.OK:
        raise _refusal(status, text, grant)
    return Blob(grant.sha256, grant.size)


def _send(grant: Grant, body: Readable) -> tuple[int, str]:
    parts = urlsplit(grant.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_SECONDS)
    try:
        headers = {**grant.headers, "Content-Length": str(grant.size)}
        connection.request("PUT", f"{parts.path}?{parts.query}", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(10_000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise BackendUnavailableError(
            f"the file could not be sent: {error or type(error).__name__}",
            where=grant.name,
            hint="check the network and try again until the grant expires; nothing is half-stored",
        ) from error
    finally:
        connection.close()


def _refusal(status: int, text: str, grant: Grant) -> BackendUnavailableError | IntegrityError:
    if "BadDigest" in text:
        return IntegrityError(
            "what arrived is not what was sent",
            where=grant.name,
            hint="nothing was stored; try again",
        )
    return BackendUnavailableError(
        f"the store did not take the file (HTTP {status})",
        where=grant.name,
        hint="ask for a new grant if this one is old; nothing was stored",
    )
