"""What S3 and the way to it answer, in our words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
)

from neurocaas_ci.errors import BackendUnavailableError, NeurocaasError, UsageError

# A conditional request that lost a race is told so with 409 as well as with 412.
_REFUSED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
_EXPIRED = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
)
_FORBIDDEN = 403
# The answer's date is of whole seconds, and some time old.
_TELLING_S = 60
_NOT_OURS = 500


@contextlib.contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise what boto raises as one of our errors; `where` names the object."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise translate(error, where) from error


def refused(error: ClientError) -> bool:
    """Tell whether a condition of the request did not hold."""
    return _code(error) in _REFUSED or _status(error) in {409, 412}


def missing(error: ClientError) -> bool:
    """Tell whether the object is not there (the bucket is)."""
    return _code(error) in _MISSING


def gone_upload(error: ClientError) -> bool:
    """Tell whether an upload in parts was completed or ended meanwhile."""
    return _code(error) == "NoSuchUpload"


def translate(error: ClientError | BotoCoreError, where: str) -> NeurocaasError:
    """Return our error for one of boto's, with what to do about it."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return UsageError(
            "there are no AWS credentials to reach the store with",
            where=where,
            hint="set AWS_PROFILE, or sign in with `aws sso login`; `aws sts get-caller-identity` shows who you are",
        )
    if not isinstance(error, ClientError):
        return BackendUnavailableError(
            f"the store cannot be reached: {_line(error)}",
            where=where,
            hint="check the network and AWS_ENDPOINT_URL, then run the same command again; nothing is half-written",
        )
    return _translate_answer(error, where)


def _translate_answer(error: ClientError, where: str) -> NeurocaasError:
    code, status = _code(error), _status(error)
    text = str(error.response.get("Error", {}).get("Message") or code)
    if code == "NoSuchBucket":
        return UsageError(
            "the bucket of the store does not exist",
            where=where,
            hint="NEUROCAAS_STORE names it; docs/stores.md says how to set one up",
        )
    if code in _EXPIRED:
        return BackendUnavailableError(
            f"the AWS credentials have expired ({code})",
            where=where,
            hint="sign in again (`aws sso login`, or a new token), then run the same command again",
        )
    if code == "RequestTimeTooSkewed":
        return BackendUnavailableError(
            f"the clock of this machine is wrong{_off(error)}, and the store refuses requests of another time",
            where=where,
            hint="set the clock (`timedatectl set-ntp true`; on EC2 chrony follows 169.254.169.123),"
            " then run the same command again",
        )
    if status == _FORBIDDEN:
        return BackendUnavailableError(
            f"the store refuses access: {text} ({code})",
            where=where,
            hint="the role needs s3:GetObject, s3:PutObject and s3:ListBucket on this prefix;"
            " without s3:ListBucket a missing object looks forbidden, too",
        )
    if status >= _NOT_OURS or code in {"SlowDown", "RequestTimeout", "Throttling"}:
        return BackendUnavailableError(
            f"the store is out of order or busy: {text} ({code})",
            where=where,
            hint="it was tried several times; run the same command again later, nothing is half-written",
        )
    return BackendUnavailableError(
        f"the store did not accept the request: {text} ({code})",
        where=where,
        hint="-v shows the request; docs/stores.md says how the bucket has to be set up",
    )


def _off(error: ClientError) -> str:
    """Say by how much (h:mm:ss) this machine's clock differs from that of the answer, if it does."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        theirs = parsedate_to_datetime(str(headers["date"]))
    except (KeyError, ValueError):
        return ""
    seconds = round((datetime.now(UTC) - theirs).total_seconds())
    if abs(seconds) < _TELLING_S:
        return ""
    return f" by {timedelta(seconds=abs(seconds))} ({'ahead' if seconds > 0 else 'behind'})"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
