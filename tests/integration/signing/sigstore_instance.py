"""A Sigstore instance that issues what GitHub's tokens say, made of the pure parts of the package.

It stands in for the public good instance: same profile, same log, keys that last as long as a test.
Production code has no way to name another issuer than its own; tests that need one use this.
"""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from neurocaas_ci.signing import keys
from neurocaas_ci.signing.authority import issuing_name, make_authority, serial_number
from neurocaas_ci.signing.envelope import LogEntry, bundle, entry_body, pae
from neurocaas_ci.signing.fulcio_profile import CertificateLog, Issuer, Leaf, leaf_certificate
from neurocaas_ci.signing.identities import GITHUB, GITHUB_ISSUER
from neurocaas_ci.signing.log_signer import LogSigner
from neurocaas_ci.signing.transparency_log import TransparencyLog, make_log
from neurocaas_ci.signing.trust import PublicParts, client_trust_config, trusted_root

COMMIT = "c0ffee" + "0" * 34
REPOSITORY = f"{GITHUB}/lab/study"
WORKFLOW = "lab/study/.github/workflows/sign.yml@refs/heads/main"
RUN = f"{REPOSITORY}/actions/runs/7/attempts/1"

CLAIMS = {
    "iss": GITHUB_ISSUER,
    "sub": "repo:lab/study:ref:refs/heads/main",
    "repository": "lab/study",
    "repository_id": "1",
    "repository_owner": "lab",
    "repository_owner_id": "2",
    "repository_visibility": "public",
    "sha": COMMIT,
    "ref": "refs/heads/main",
    "workflow": "run",
    "workflow_ref": WORKFLOW,
    "workflow_sha": COMMIT,
    "job_workflow_ref": WORKFLOW,
    "job_workflow_sha": COMMIT,
    "event_name": "push",
    "runner_environment": "github-hosted",
    "run_id": "7",
    "run_attempt": "1",
}
"""What a token of one workflow run on github.com says, but for its times and its audience."""

# https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
_FACTS = {
    1: "{iss}", 2: "{event_name}", 3: "{sha}", 4: "{workflow}", 5: "{repository}", 6: "{ref}",
    8: "{iss}", 9: GITHUB + "/{job_workflow_ref}", 10: "{job_workflow_sha}",
    11: "{runner_environment}", 12: GITHUB + "/{repository}", 13: "{sha}", 14: "{ref}",
    15: "{repository_id}", 16: GITHUB + "/{repository_owner}", 17: "{repository_owner_id}",
    18: GITHUB + "/{workflow_ref}", 19: "{workflow_sha}", 20: "{event_name}",
    21: GITHUB + "/{repository}/actions/runs/{run_id}/attempts/{run_attempt}",
    22: "{repository_visibility}",
}  # fmt: skip


class SigstoreInstance:
    """Keys, an authority and a log in a folder; `url` is where its services would be."""

    def __init__(self, folder: Path, url: str = "https://sigstore.test.invalid") -> None:
        host = url.split("://", 1)[1]
        self.folder, self.url = folder, url
        start = int(time.time())
        self.authority = make_authority(host, start)
        self.ct_log, self.log_key = keys.generate("P-256"), keys.generate("P-256")
        self.parts = PublicParts(
            url, start, self.authority.chain, self.ct_log.public, self.log_key.public
        )
        folder.mkdir(parents=True, exist_ok=True)
        make_log(folder / "log")
        self.log = TransparencyLog(folder / "log", LogSigner(host, self.log_key))
        self.trusted_root = folder / "trusted_root.json"
        self.trusted_root.write_text(json.dumps(trusted_root(self.parts)))
        self.trust_config = self.write_trust_config("client_trust_config.json")

    def write_trust_config(self, name: str, **urls: str) -> Path:
        """Write a trust config; `urls` maps service lists such as `rekorTlogUrls` to an address."""
        config = client_trust_config(self.parts)
        for service, url in urls.items():
            config["signingConfig"][service] = [{**config["signingConfig"][service][0], "url": url}]
        path = self.folder / name
        path.write_text(json.dumps(config))
        return path

    def issue(self, public: bytes, claims: dict[str, str], start: int | None = None) -> bytes:
        """Return a DER certificate as Fulcio issues it for a GitHub token; `public` is DER."""
        issuer = Issuer(
            issuing_name(self.parts.host), self.authority.key.public, self.authority.key.sign
        )
        ct_log = CertificateLog(keys.key_id(self.ct_log.public), self.ct_log.sign)
        facts = {number: pattern.format(**claims) for number, pattern in _FACTS.items()}
        leaf = Leaf(public, f"{GITHUB}/{claims['job_workflow_ref']}", facts)
        moment = int(time.time()) if start is None else start
        return leaf_certificate(issuer, ct_log, serial_number(), moment, leaf)

    def mint(self, statement: bytes, **claims: str) -> bytes:
        """Return a bundle as a workflow run with these claims gets it, without HTTP."""
        key = keys.generate("P-256")
        certificate = self.issue(key.public, {**CLAIMS, **claims})
        signature = key.sign(pae(statement))
        entry = self.log.append(entry_body(statement, signature, certificate), int(time.time()))
        return bundle(statement, signature, certificate, entry)

    def log_envelope(self, envelope: str, certificate: bytes) -> LogEntry:
        """Log an envelope (JSON) as Rekor does: raise when the DER certificate did not sign it."""
        document = json.loads(envelope)
        payload = base64.b64decode(document["payload"])
        (signature,) = (base64.b64decode(item["sig"]) for item in document["signatures"])
        public = _public_key(certificate)
        public.verify(signature, pae(payload), ec.ECDSA(hashes.SHA256()))
        return self.log.append(entry_body(payload, signature, certificate), int(time.time()))


def _public_key(certificate: bytes) -> ec.EllipticCurvePublicKey:
    from cryptography import x509

    key = x509.load_der_x509_certificate(certificate).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


def spki(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return a public key as DER."""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
