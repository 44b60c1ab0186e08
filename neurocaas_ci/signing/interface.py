"""The signing port: a statement goes in, a Sigstore bundle comes out."""

from __future__ import annotations

from typing import Literal, Protocol

from neurocaas_ci.named import NamedTuple

BuilderMode = Literal["local", "github-hosted", "self-hosted"]

PAYLOAD_TYPE = "application/vnd.in-toto+json"
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


class Origin(NamedTuple):
    """Where signed work comes from; the signing certificate says it, and a statement must agree.

    `repository` is a URI, `ref` a full ref name, `commit` the commit of that ref which was worked
    with, `invocation` a URI that names this one execution of the platform.
    """

    repository: str
    ref: str
    commit: str
    invocation: str
    mode: BuilderMode


class Signer(Protocol):
    """Sign statements with a key that lives for one signature."""

    def origin(self, repository: str, ref: str, commit: str) -> Origin:
        """Return the origin that certificates of this signer will name.

        The arguments are what git says here. A signer whose certificates are issued on the word of
        somebody else (a forge) answers with that word. Raise VerificationError when the two
        contradict each other, BackendUnavailableError when the word cannot be had now, UsageError
        when the signer cannot be used as it was asked for.
        """
        ...

    def sign(self, statement: bytes, origin: Origin) -> bytes:
        """Return a Sigstore bundle v0.3 (JSON) around these exact bytes.

        Raise BackendUnavailableError when the certificate authority or the log cannot be reached or
        the identity has expired (trying again can help), VerificationError when they refuse or
        what they return does not verify, UsageError when the signer cannot be used like this.
        """
        ...
