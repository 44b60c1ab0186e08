"""Clients of AWS with patience, and its errors in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from neurocaas_ci.errors import BackendUnavailableError, NeurocaasError, UsageError

_ATTEMPTS = 8
_CONNECT, _READ = 10, 60
_DENIED = {
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "InvalidClientTokenId",
    "ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "SignatureDoesNotMatch",
}  # fmt: skip


class Clients:
    """Clients by service for one region, made when they are asked for."""

    def __init__(self, region: str | None = None) -> None:
        self._region = region
        self._made: dict[str, Any] = {}
        self._session: Any = None

    def get(self, service: str) -> Any:
        """Return the client of a service; raise UsageError without boto3 or without a region."""
        if service not in self._made:
            self._made[service] = self._make(service)
        return self._made[service]

    def _make(self, service: str) -> Any:
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import NoRegionError
        except ImportError as error:
            raise UsageError(
                "boto3 is not installed", hint="install neurocaas-ci with the extra `aws`"
            ) from error
        if self._session is None:
            self._session = boto3.Session(region_name=self._region)
        config = Config(
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            connect_timeout=_CONNECT,
            read_timeout=_READ,
        )
        try:
            return self._session.client(service, config=config)
        except NoRegionError as error:
            raise UsageError(
                "no region of AWS is named", hint="name it with --region or AWS_REGION"
            ) from error


@contextmanager
def talking(where: str) -> Iterator[None]:
    """Translate errors of boto3: wrong credentials (exit 2), or something to try again (exit 16)."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except NeurocaasError:
        raise
    except NoCredentialsError as error:
        raise UsageError(
            "there are no credentials for AWS",
            where=where,
            hint="take on the deploy role; docs/deploy.md says how (a plan needs none)",
        ) from error
    except ClientError as error:
        code, text = code_of(error), error.response.get("Error", {}).get("Message", str(error))
        if code in _DENIED:
            raise UsageError(
                f"AWS does not allow it ({code}): {text}",
                where=where,
                hint="the roles are in the foundation stack; docs/deploy.md says which is for what",
            ) from error
        raise BackendUnavailableError(
            f"AWS answers {code}: {text}", where=where, hint="try again"
        ) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise BackendUnavailableError(
            f"AWS cannot be reached: {error}", where=where, hint="try again"
        ) from error


def code_of(error: Any) -> str:
    """Return the code of an error of AWS."""
    return str(error.response.get("Error", {}).get("Code", ""))


def pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    """Yield the items of all pages of a listing."""
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page.get(key, ())
