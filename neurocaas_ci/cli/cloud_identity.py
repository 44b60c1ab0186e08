"""Let a workflow run be a role of AWS: no key is kept anywhere, GitHub vouches for the run.

boto3 does the rest. It changes the token of a file for credentials of the role, for an hour, and
does so again before they end; so the file always has to hold a token that is still good.
"""

from __future__ import annotations

import base64
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path

from neurocaas_ci.errors import NeurocaasError, UsageError

ROLE = "NEUROCAAS_AWS_ROLE"

_AUDIENCE = "sts.amazonaws.com"
_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+")
_NO_SESSION = re.compile(r"[^\w+=,.@-]", re.ASCII)
_MOST_SESSION = 64
# boto3 takes these before it looks at an identity.
_OTHERS = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
    "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
)  # fmt: skip
# GitHub's tokens are good for minutes; one that does not say how long is taken to be so too.
_USUAL_SECONDS = 300.0
_SHORTEST, _LONGEST = 1.0, 600.0
_AFTER_FAILURE = 15.0
_GOODBYE = 1.0


@contextmanager
def taken_on(environment: MutableMapping[str, str], say: Callable[[str], None]) -> Iterator[None]:
    """Be the role that the environment names for the block, and in the processes that it starts.

    Raise UsageError when it is not the ARN of a role, or the run has no identity. A token that
    cannot be renewed is told by `say`, and asked for again.
    """
    from neurocaas_ci.forges.github_identity import identity_token

    role = environment[ROLE]
    if not _ARN.fullmatch(role):
        raise UsageError(
            f"{role!r} is not the ARN of a role",
            where=ROLE,
            hint="docs/github.md says how it is made of the number of the AWS account",
        )
    asked = dict(environment)
    token = identity_token(asked, _AUDIENCE)
    with tempfile.TemporaryDirectory(
        prefix="neurocaas-identity-", dir=environment.get("RUNNER_TEMP") or None
    ) as folder:
        file = Path(folder, "token")
        _write(file, token)
        before = {name: environment.pop(name) for name in _OTHERS if name in environment}
        ours = {
            "AWS_ROLE_ARN": role,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
            "AWS_ROLE_SESSION_NAME": _session(environment),
        }
        before |= {name: environment[name] for name in ours if name in environment}
        environment.update(ours)
        ended = threading.Event()
        renewing = threading.Thread(
            target=_renew, args=(file, asked, token, ended, say), daemon=True, name="identity"
        )
        renewing.start()
        try:
            yield
        finally:
            ended.set()
            for name in ours:
                environment.pop(name, None)
            environment.update(before)
            # It may be talking to GitHub; what it then writes has no folder any more.
            renewing.join(_GOODBYE)


def _renew(
    file: Path,
    environment: Mapping[str, str],
    token: str,
    ended: threading.Event,
    say: Callable[[str], None],
) -> None:
    """Write a new token when half of the time of the last one has passed, until it has ended."""
    from neurocaas_ci.forges.github_identity import identity_token

    pause, told = _half_life(token), False
    while not ended.wait(pause):
        try:
            token = identity_token(environment, _AUDIENCE)
            _write(file, token)
            pause, told = _half_life(token), False
        except (NeurocaasError, OSError) as error:
            pause = _AFTER_FAILURE
            if not told:
                say(f"note: the identity for AWS is not renewed, trying again ({error})")
            told = True


def _write(file: Path, token: str) -> None:
    """Let the file hold a token at once, for its owner alone."""
    new = file.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(token)
    new.replace(file)


def _half_life(token: str) -> float:
    """Return half of the seconds for which a token is still good; its signature is AWS's business."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        left = float(claims["exp"]) - time.time()
    except (ValueError, KeyError, TypeError, IndexError):
        left = _USUAL_SECONDS
    return min(max(left / 2, _SHORTEST), _LONGEST)


def _session(environment: Mapping[str, str]) -> str:
    """Return the name that AWS's own log has for what this run does."""
    words = ("neurocaas", environment.get("GITHUB_RUN_ID", ""), environment.get("GITHUB_JOB", ""))
    name = "-".join(word for word in words if word)
    return _NO_SESSION.sub("-", name)[:_MOST_SESSION]
