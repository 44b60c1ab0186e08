"""Sign with a Sigstore instance of this machine's own: no network, no account, standard bundles."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from neurocaas_ci.errors import BackendUnavailableError, VerificationError
from neurocaas_ci.signing import keys
from neurocaas_ci.signing.authority import (
    AUTHORITY_LIFETIME_SECONDS,
    issuing_name,
    serial_number,
)
from neurocaas_ci.signing.envelope import bundle, entry_body, pae, require_statement
from neurocaas_ci.signing.fulcio_profile import (
    LIFETIME_SECONDS,
    CertificateLog,
    Issuer,
    Leaf,
    leaf_certificate,
)
from neurocaas_ci.signing.identities import LOCAL_HOST, LOCAL_IDENTITY, LOCAL_ISSUER
from neurocaas_ci.signing.instance import Instance, open_instance
from neurocaas_ci.signing.interface import Origin
from neurocaas_ci.signing.log_check import LogReport
from neurocaas_ci.signing.log_signer import LogSigner
from neurocaas_ci.signing.transparency_log import TransparencyLog


@dataclass(frozen=True, slots=True)
class LocalSigstore:
    """Signs as LOCAL_IDENTITY and as nobody else; whoever holds the folder can sign.

    What it proves is that the holder of these keys said so, and, to those who keep an earlier
    checkpoint, that nothing logged before it has changed since.
    """

    _instance: Instance
    _log: TransparencyLog

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Return the instance in a folder, making it on first use.

        Raise UsageError when the folder is not a whole instance or others can read it,
        BackendUnavailableError when it cannot be read or written or is another user's.
        """
        instance = open_instance(folder, f"https://{LOCAL_HOST}", int(time.time()))
        signer = LogSigner(instance.parts.host, instance.log)
        return cls(instance, TransparencyLog(instance.log_folder, signer))

    @property
    def trusted_root(self) -> Path:
        """Return the file that verifiers need: `trusted_root.json`."""
        return self._instance.folder / "trusted_root.json"

    @property
    def client_config(self) -> Path:
        """Return the file that other clients take: `client_trust_config.json`."""
        return self._instance.folder / "client_trust_config.json"

    def origin(self, repository: str, ref: str, commit: str) -> Origin:
        """Return what git says, under a name for this execution that nothing else has."""
        return Origin(repository, ref, commit, uuid.uuid4().urn, "local")

    def sign(self, statement: bytes, origin: Origin) -> bytes:
        """Return a bundle around these exact bytes, with a key that is forgotten afterwards.

        Raise VerificationError when the origin is not this machine, the bytes are no in-toto
        statement or the log has lost entries, BackendUnavailableError when the log cannot be
        written or the clock is outside the life of the instance.
        """
        require_statement(statement)
        if origin.mode != "local":
            raise VerificationError(
                f"the local signing instance does not speak for runs that are {origin.mode}",
                where=origin.invocation,
                hint="only GitHub's identity can certify runs on GitHub",
            )
        # One reading of the clock: the log's time has to fall into the life of the certificate.
        now = self._now()
        key = keys.generate("P-256")
        certificate = self._certificate(key.public, now, origin)
        signature = key.sign(pae(statement))
        entry = self._log.append(entry_body(statement, signature, certificate), now)
        return bundle(statement, signature, certificate, entry)

    def checkpoint(self) -> str:
        """Return the latest signed checkpoint of the log; kept elsewhere, it is evidence."""
        return self._log.checkpoint()

    def check_log(self, bundles: Mapping[str, bytes], checkpoints: Mapping[str, str]) -> LogReport:
        """Compare the log with bundles and checkpoints, given by where they are kept."""
        return self._log.check(bundles, checkpoints)

    def _certificate(self, public: bytes, now: int, origin: Origin) -> bytes:
        parts = self._instance.parts
        issuer = Issuer(issuing_name(parts.host), self._instance.ca.public, self._instance.ca.sign)
        ct_log = CertificateLog(keys.key_id(parts.ct_log), self._instance.ct_log.sign)
        facts = {
            1: LOCAL_ISSUER,
            8: LOCAL_ISSUER,
            11: origin.mode,
            12: origin.repository,
            13: origin.commit,
            14: origin.ref,
            21: origin.invocation,
        }
        leaf = Leaf(public, LOCAL_IDENTITY, facts)
        return leaf_certificate(issuer, ct_log, serial_number(), now, leaf)

    def _now(self) -> int:
        now, start = int(time.time()), self._instance.parts.start
        end = start + AUTHORITY_LIFETIME_SECONDS
        if start <= now <= end - LIFETIME_SECONDS:
            return now
        first, last = (datetime.fromtimestamp(moment, UTC).date() for moment in (start, end))
        raise BackendUnavailableError(
            f"the local signing instance is valid from {first} to {last}, and this machine's clock"
            f" says {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC",
            where=str(self._instance.folder),
            hint="set the clock, or move the instance away so that a new one is made;"
            " certificates that exist stay valid",
        )
