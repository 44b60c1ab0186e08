"""What a GitHub identity token says of a workflow run; I/O and signatures are not handled here.

Whether the token is genuine is for the certificate authority to judge, which gets it next and
copies these claims into the certificate: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, get_args

from neurocaas_ci.errors import BackendUnavailableError, UsageError, VerificationError
from neurocaas_ci.signing.identities import GITHUB, GITHUB_ISSUER
from neurocaas_ci.signing.interface import BuilderMode, Origin

_TOKEN = "GitHub's identity token"  # noqa: S105 - the name of one
_ADDRESS = re.compile(
    r"(?:https?://(?:[^@/]*@)?|(?:ssh://)?git@)github\.com[/:]([^/]+/[^/]+?)(?:\.git)?/?",
    re.IGNORECASE,
)


def read_claims(token: str) -> Mapping[str, Any]:
    """Return the claims of a token (RFC 7519); raise BackendUnavailableError when it is none."""
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise BackendUnavailableError(
            "the answer of GitHub's token endpoint is not an identity token",
            where=_TOKEN,
            hint="run the job again; https://www.githubstatus.com tells whether GitHub is well",
        )
    return claims


def origin_of(claims: Mapping[str, Any], now: float) -> Origin:
    """Return the origin that a certificate for this token will name; `now` is in Unix seconds.

    Raise VerificationError for tokens of another issuer or without a claim that certificates need,
    BackendUnavailableError for one that has expired.
    """
    if claims.get("iss") != GITHUB_ISSUER:
        raise VerificationError(
            f"the identity was issued by {claims.get('iss')!r}, not by {GITHUB_ISSUER}",
            where=_TOKEN,
            hint="sign in a workflow on github.com, or with this machine's own instance",
        )
    _require_current(claims, now)
    repository = f"{GITHUB}/{_claim(claims, 'repository')}"
    run, attempt = _claim(claims, "run_id"), _claim(claims, "run_attempt")
    return Origin(
        repository=repository,
        ref=_claim(claims, "ref"),
        commit=_claim(claims, "sha"),
        invocation=f"{repository}/actions/runs/{run}/attempts/{attempt}",
        mode=_mode(_claim(claims, "runner_environment")),
    )


def require_agreement(origin: Origin, repository: str, commit: str) -> None:
    """Raise VerificationError unless git says the same as the token of a workflow run."""
    if _slug(repository) != _slug(origin.repository):
        raise VerificationError(
            f"the registry here is {repository}, but GitHub says that {origin.repository} runs",
            where=origin.invocation,
            hint="check out the repository of the workflow itself",
        )
    if commit != origin.commit:
        raise VerificationError(
            f"the registry here is at commit {commit}, but GitHub says that the run is for"
            f" {origin.commit}",
            where=origin.invocation,
            hint="check out the commit that started the workflow (actions/checkout does so unless"
            " it is told otherwise), or start the workflow again on the newest one",
        )


def require_public(claims: Mapping[str, Any]) -> None:
    """Raise UsageError for a repository whose name and runs the public log would give away."""
    visibility = claims.get("repository_visibility")
    if visibility != "public":
        raise UsageError(
            f"the repository is {visibility}, and the public good instance of Sigstore publishes"
            " its name, its workflows and its runs for ever",
            where=f"{GITHUB}/{claims.get('repository')}",
            hint="name the instance to sign with by its client trust config (--trust-config), even"
            " if it is that one",
        )


def _require_current(claims: Mapping[str, Any], now: float) -> None:
    start, end = claims.get("nbf", now), claims.get("exp")
    if not isinstance(end, int | float) or not isinstance(start, int | float) or end <= now:
        raise _out_of_date("has expired")
    if start > now:
        raise _out_of_date("is not valid yet")


def _out_of_date(how: str) -> BackendUnavailableError:
    return BackendUnavailableError(
        f"the identity {how}",
        where=_TOKEN,
        hint="run the command again: every attempt asks for a new one; if that does not help, set"
        " this machine's clock",
    )


def _claim(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise VerificationError(
            f"the identity has no {name!r}, which the certificate has to name",
            where=_TOKEN,
            hint="only jobs of GitHub Actions on github.com have identities that are complete",
        )
    return value


def _mode(environment: str) -> BuilderMode:
    for mode in get_args(BuilderMode):
        if environment == mode != "local":
            return mode  # type: ignore[no-any-return]
    raise VerificationError(
        f"the identity names a kind of runner that is not known: {environment!r}",
        where=_TOKEN,
        hint="run the job on a GitHub-hosted or a self-hosted runner",
    )


def _slug(address: str) -> str | None:
    """Return `owner/name` of a repository on github.com, which knows no upper and lower case."""
    match = _ADDRESS.fullmatch(address)
    return match[1].lower() if match else None
