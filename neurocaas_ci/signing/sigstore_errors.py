"""Say in our words what went wrong inside the Sigstore client; I/O is not handled here.

The client lets exceptions of half a dozen libraries through, some of them without a text. What
counts is in the chain of their causes: an HTTP status, or that there was no answer at all. None of
them is passed on, because a foreign text may repeat a secret that it was sent.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from neurocaas_ci.errors import BackendUnavailableError, NeurocaasError, VerificationError

_BAD_REQUEST, _REQUEST_TIMEOUT, _TOO_MANY_REQUESTS, _SERVER_ERROR = 400, 408, 429, 500
_LENGTH = 300
_AGAIN = (
    "run the command again in a few minutes; https://status.sigstore.dev tells how the public"
    " instance is"
)


def translate(error: BaseException, service: str, secrets: Collection[str]) -> NeurocaasError:
    """Return the error to raise instead, naming the service and leaving out the secrets.

    A refusal (HTTP 4xx) and an answer that does not verify are VerificationErrors, everything that
    another attempt can heal is a BackendUnavailableError.
    """
    for link in _chain(error):
        response = getattr(link, "response", None)
        status = getattr(response, "status_code", None)
        if isinstance(status, int) and status >= _BAD_REQUEST:
            said = plain(_message(response), secrets)
            return _of_status(service, status, said)
    said = plain(next((str(link) for link in _chain(error) if str(link)), repr(error)), secrets)
    # All exceptions of requests, urllib3's wrapped ones included, are OSErrors.
    if any(isinstance(link, OSError) for link in _chain(error)):
        return BackendUnavailableError(f"cannot be reached: {said}", where=service, hint=_AGAIN)
    return VerificationError(
        f"the answer does not verify: {said}",
        where=service,
        hint="check that the trust config belongs to this instance",
    )


def plain(text: str, secrets: Collection[str]) -> str:
    """Return one line of limited length without the secrets."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return " ".join(text.split())[:_LENGTH]


def _of_status(service: str, status: int, said: str) -> NeurocaasError:
    if status >= _SERVER_ERROR or status in {_REQUEST_TIMEOUT, _TOO_MANY_REQUESTS}:
        return BackendUnavailableError(
            f"out of order: HTTP {status}: {said}", where=service, hint=_AGAIN
        )
    return VerificationError(
        f"the request was refused: HTTP {status}: {said}",
        where=service,
        hint="check that the trust config belongs to an instance that accepts GitHub's identities",
    )


def _message(response: Any) -> str:
    """Return the message of an error body (Fulcio and Rekor answer with JSON), or all of it."""
    try:
        return str(json.loads(response.text)["message"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return str(response.text)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
