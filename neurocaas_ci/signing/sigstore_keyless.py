"""Sign as the GitHub workflow that runs this, with the public Sigstore instance or another one."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from neurocaas_ci.errors import BackendUnavailableError, UsageError, VerificationError
from neurocaas_ci.signing.deadline import within
from neurocaas_ci.signing.envelope import not_a_statement, require_statement
from neurocaas_ci.signing.github_oidc import (
    origin_of,
    read_claims,
    require_agreement,
    require_public,
)
from neurocaas_ci.signing.identities import GITHUB_ISSUER
from neurocaas_ci.signing.interface import Origin
from neurocaas_ci.signing.sigstore_errors import plain, translate

if TYPE_CHECKING:
    from sigstore.models import Bundle, ClientTrustConfig

_PATIENCE_SECONDS = 120.0
_REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105 - the name of a variable
_REQUEST_URL = "ACTIONS_ID_TOKEN_REQUEST_URL"
_ENDPOINT = "GitHub's token endpoint"
_AUTHORITY = "the certificate authority (Fulcio)"
_LOG = "the transparency log (Rekor)"
_AGAIN = "run the command again in a few minutes"
_PERMISSION = """give the job the permission to ask for one:
    permissions:
      contents: read
      id-token: write
  pull requests from forks never get it"""
_FORBIDDEN = {"401", "403"}

_Result = TypeVar("_Result")


class KeylessSigner:
    """Signs with GitHub's word: every signature takes a fresh identity and a fresh certificate.

    `trust_config` is the client trust config of an instance, or its file; None is the public good one, which
    publishes every certificate. Waiting for the services ends after `patience` seconds.
    """

    def __init__(
        self, trust_config: Path | bytes | None = None, *, patience: float = _PATIENCE_SECONDS
    ) -> None:
        self._given = trust_config
        self._patience = patience

    def origin(self, repository: str, ref: str, commit: str) -> Origin:  # noqa: ARG002 - GitHub's ref counts
        """Return what GitHub says of the workflow run that this is.

        Raise VerificationError when GitHub names another repository or commit than git, or another
        issuer answers; BackendUnavailableError when there is no identity to be had; UsageError when
        a private repository would be published.
        """
        _, origin = self._identity()
        require_agreement(origin, repository, commit)
        return origin

    def sign(self, statement: bytes, origin: Origin) -> bytes:
        """Return a bundle around these exact bytes, certified for this workflow run.

        Raise VerificationError when the origin is another run or a service refuses,
        BackendUnavailableError when one cannot be reached or the identity has expired, and
        UsageError when the trust config cannot be read or a private repository would be published.
        """
        require_statement(statement)
        token, said = self._identity()
        if said != origin:
            raise VerificationError(
                f"the statement names {origin.invocation} at {origin.commit}, but GitHub says that"
                f" this is {said.invocation} at {said.commit}",
                where=_ENDPOINT,
                hint="make the statement in the workflow run that signs it",
            )
        return within(self._patience, "Sigstore", lambda: self._sign(statement, token))

    def _sign(self, statement: bytes, token: str) -> bytes:
        from sigstore.dsse import Statement
        from sigstore.errors import Error
        from sigstore.oidc import IdentityToken
        from sigstore.sign import SigningContext

        try:
            content = Statement(statement)
        except Error as error:
            raise not_a_statement(plain(str(error), [token])) from None
        context = SigningContext.from_trust_config(self._config)
        with contextlib.ExitStack() as stack:
            identity = _ask(_ENDPOINT, token, lambda: IdentityToken(token))
            signer = _ask(_AUTHORITY, token, lambda: stack.enter_context(context.signer(identity)))
            bundle = _ask(_LOG, token, lambda: signer.sign_dsse(content))
        # The client does not look at what the log returns: what cannot be verified is not handed out.
        _ask(_LOG, token, lambda: self._verify(bundle))
        return bundle.to_json().encode()

    def _verify(self, bundle: Bundle) -> None:
        from sigstore.verify import Verifier, policy

        verifier = Verifier(trusted_root=self._config.trusted_root)
        verifier.verify_dsse(bundle, policy.OIDCIssuerV2(GITHUB_ISSUER))

    def _identity(self) -> tuple[str, Origin]:
        """Return a fresh token, and the origin that certificates for it will name."""
        token = self._token()
        claims = read_claims(token)
        origin = origin_of(claims, time.time())
        if self._given is None:
            require_public(claims)
        return token, origin

    def _token(self) -> str:
        """Ask for the identity of this workflow run; raise BackendUnavailableError."""
        _load_client()
        if not os.environ.get("GITHUB_ACTIONS"):
            raise _no_identity(
                "outside of GitHub Actions there is no identity to sign with",
                "sign in a workflow, or with this machine's own instance",
            )
        secret = os.environ.get(_REQUEST_TOKEN)
        if not secret or not os.environ.get(_REQUEST_URL):
            raise _no_identity("this job may not ask for an identity", _PERMISSION)
        return within(self._patience, _ENDPOINT, lambda: _detect(secret))

    @cached_property
    def _config(self) -> ClientTrustConfig:
        from sigstore.models import ClientTrustConfig

        if self._given is None:
            try:
                return ClientTrustConfig.production()
            except Exception as error:  # noqa: BLE001 - of TUF, of HTTP, of the disk
                raise BackendUnavailableError(
                    "the keys of the public Sigstore instance cannot be brought up to date:"
                    f" {plain(str(error), [])}",
                    where="Sigstore's TUF repository",
                    hint=_AGAIN,
                ) from None
        try:
            given = self._given
            content = given.read_bytes() if isinstance(given, Path) else given
            config = ClientTrustConfig.from_json(content.decode("utf-8"))
            # Both are looked into only when they are used, which is too late for a clear error.
            config.signing_config.get_fulcio()
            config.trusted_root.get_fulcio_certs()
        except OSError as error:
            raise self._unusable(f"cannot be read: {error.strerror}") from error
        except Exception as error:  # noqa: BLE001 - of pydantic, of cryptography, of sigstore
            raise self._unusable(f"is malformed: {plain(str(error), [])}") from None
        return config

    def _unusable(self, how: str) -> UsageError:
        return UsageError(
            f"the client trust config {how}",
            where=str(self._given) if isinstance(self._given, Path) else "registry/trust",
            hint="take the file that the operator of the instance publishes; without one, the"
            " public good instance is used",
        )


def _load_client() -> None:
    """Import the client, which takes its time, before the waiting for others is measured."""
    try:
        importlib.import_module("sigstore.sign")
    except ModuleNotFoundError as error:
        raise UsageError(
            f"signing with Sigstore needs a package that is not installed: {error.name}",
            hint="install the extra: pip install 'neurocaas-ci[sign]'",
        ) from error


def _ask(service: str, token: str, call: Callable[[], _Result]) -> _Result:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - the client lets those of its libraries through
        raise translate(error, service, [token]) from None


def _detect(secret: str) -> str:
    from sigstore.oidc import detect_credential

    try:
        return detect_credential() or ""
    except Exception as error:  # noqa: BLE001 - the client lets those of its libraries through
        # The endpoint's answer may repeat what it was sent.
        said = str(error).partition(", body=")[0]
        status = re.search(r"\(code=(\d+)", said)
        if status is None:
            raise _no_identity(f"GitHub gives no identity: {plain(said, [secret])}") from None
        hint = _PERMISSION if status[1] in _FORBIDDEN else _AGAIN
        raise _no_identity(f"GitHub gives no identity: HTTP {status[1]}", hint) from None


def _no_identity(message: str, hint: str = _AGAIN) -> BackendUnavailableError:
    return BackendUnavailableError(message, where=_ENDPOINT, hint=hint)
