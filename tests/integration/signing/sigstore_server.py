"""Fulcio v2, Rekor v1, and GitHub's token service on 127.0.0.1, for unmodified Sigstore clients.

What they check in reality is checked: the token's signature, issuer, audience and time, the proof
that the client has the key, and that the logged signature is the certificate's. Faults are set in
`faults`: a path of the service and the HTTP status it answers with instead, or HANG.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from sigstore_instance import CLAIMS, SigstoreInstance, spki

from neurocaas_ci.signing.envelope import LogEntry, b64, pem
from neurocaas_ci.signing.identities import GITHUB_ISSUER

TOKEN, CERTIFICATE, ENTRIES = "/token", "/api/v2/signingCert", "/api/v1/log/entries"
HANG = 0
FOREIGN_ISSUER = "https://gitlab.example"
REQUEST_SECRET = "runtime-secret"

_CONFIGURATION, _JWKS = "/.well-known/openid-configuration", "/.well-known/jwks"
_KEY_ID = "test"


class SigstoreServer(SigstoreInstance):
    """An instance whose services listen; `claims` is what the next identity token says."""

    def __init__(self, folder: Path) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = True
        self._http.sigstore = self
        super().__init__(folder, f"http://127.0.0.1:{self._http.server_address[1]}")
        self.claims: dict[str, str] = dict(CLAIMS)
        # What is different in single jobs; a job asks for itself with `job=` in the address.
        self.jobs: dict[str, dict[str, str]] = {}
        self.faults: dict[str, int] = {}
        self.token_seconds = 300
        self.identity_key = ec.generate_private_key(ec.SECP256R1())
        self.tokens: list[str] = []
        self.released = threading.Event()
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def environment(self) -> dict[str, str]:
        """Return the variables of a job that has `id-token: write`."""
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_SECRET,
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}{TOKEN}?api-version=2.0",
            # Nobody's proxy is asked for 127.0.0.1.
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self.released.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def token(self, audience: str, job: str | None = None) -> str:
        now = int(time.time())
        times = {"iat": now - 10, "nbf": now - 10, "exp": now + self.token_seconds}
        claims = {**(self.jobs[job] if job else self.claims), "aud": audience, **times}
        token = jwt.encode(claims, self.identity_key, "ES256", headers={"kid": _KEY_ID})
        self.tokens.append(token)
        return token

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}{_JWKS}",
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}{TOKEN}",
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    def key_set(self) -> dict[str, Any]:
        key = ECAlgorithm.to_jwk(self.identity_key.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": _KEY_ID, "use": "sig", "alg": "ES256"}]}

    def certify(self, token: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a certificate request; raise for a token or a proof that does not hold."""
        issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
        if issuer not in {GITHUB_ISSUER, FOREIGN_ISSUER}:
            raise ValueError(f"unknown issuer {issuer}")
        # As with Fulcio, the keys come from the issuer's discovery document.
        keys = jwt.PyJWKClient(f"{self.url}{_JWKS}", cache_keys=False)
        claims = jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token).key,
            algorithms=["ES256"],
            audience="sigstore",
            options={"require": ["exp", "iat", "sub"]},
        )
        public = _requested_key(request, claims["sub"])
        chain = [self.issue(spki(public), claims), *self.authority.chain]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": list(map(pem, chain))}}}

    def enter(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a proposed log entry; raise for a signature that does not verify."""
        if (request["kind"], request["apiVersion"]) != ("dsse", "0.0.1"):
            raise ValueError("only dsse/0.0.1 is logged")
        content = request["spec"]["proposedContent"]
        (verifier,) = content["verifiers"]
        certificate = x509.load_pem_x509_certificate(base64.b64decode(verifier))
        der = certificate.public_bytes(serialization.Encoding.DER)
        return _rekor_answer(self.log_envelope(content["envelope"], der))


@contextlib.contextmanager
def running(folder: Path) -> Iterator[SigstoreServer]:
    """Start a server on a free port and stop it."""
    server = SigstoreServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.close()


def raise_loopback() -> bool:
    """Bring the loopback device up where it is down, and tell whether it is up.

    `scripts/offline` takes the network away and the loopback device with it; root can have it back.
    """
    up, running, get, put = 0x1, 0x40, 0x8913, 0x8914  # IFF_UP, IFF_RUNNING, SIOC[GS]IFFLAGS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        answer = fcntl.ioctl(device, get, struct.pack("16sh22x", b"lo", 0))
        (flags,) = struct.unpack_from("h", answer, 16)
        if flags & up:
            return True
        try:
            fcntl.ioctl(device, put, struct.pack("16sh22x", b"lo", flags | up | running))
        except OSError:
            return False
    return True


def _requested_key(request: dict[str, Any], subject: str) -> ec.EllipticCurvePublicKey:
    if "certificateSigningRequest" in request:
        csr = x509.load_pem_x509_csr(base64.b64decode(request["certificateSigningRequest"]))
        if not csr.is_signature_valid:
            raise ValueError("the request is not signed with its own key")
        public = csr.public_key()
    else:
        asked = request["publicKeyRequest"]
        public = serialization.load_pem_public_key(asked["publicKey"]["content"].encode())
        proof = base64.b64decode(asked["proofOfPossession"])
        assert isinstance(public, ec.EllipticCurvePublicKey)
        public.verify(proof, subject.encode(), ec.ECDSA(hashes.SHA256()))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    return public


def _rekor_answer(entry: LogEntry) -> dict[str, Any]:
    proof = {
        "checkpoint": entry.checkpoint,
        "hashes": [node.hex() for node in entry.path],
        "logIndex": entry.index,
        "rootHash": entry.root.hex(),
        "treeSize": entry.size,
    }
    verification = {"signedEntryTimestamp": b64(entry.promise), "inclusionProof": proof}
    return {
        f"{entry.index:064x}": {
            "body": b64(entry.body),
            "integratedTime": entry.time,
            "logID": entry.log_id.hex(),
            "logIndex": entry.index,
            "verification": verification,
        }
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if self._faulty(path):
            return
        documents = {
            _CONFIGURATION: self.server.sigstore.configuration,
            _JWKS: self.server.sigstore.key_set,
        }
        if path in documents:
            self._answer(200, documents[path]())
        elif path != TOKEN:
            self._answer(404, {"message": "no such page"})
        elif self.headers["Authorization"] != f"bearer {REQUEST_SECRET}":
            self._answer(401, {"message": f"who is {self.headers['Authorization']}?"})
        else:
            # Without a question it is the owner's address, which GitHub's own services take.
            owner = self.server.sigstore.claims["repository"].partition("/")[0]
            audience = query.get("audience", [f"https://github.com/{owner}"])[0]
            job = query.get("job", [None])[0]
            self._answer(200, {"value": self.server.sigstore.token(audience, job)})

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._faulty(self.path):
            return
        try:
            if self.path == CERTIFICATE:
                token = self._bearer() or request["credentials"]["oidcIdentityToken"]
                self._answer(201, self.server.sigstore.certify(token, request))
            elif self.path == ENTRIES:
                self._answer(201, self.server.sigstore.enter(request))
            else:
                self._answer(404, {"code": 5, "message": "no such page"})
        except Exception as error:  # noqa: BLE001 - whatever it is, the request was bad
            self._answer(400, {"code": 3, "message": f"{type(error).__name__}: {error}"})

    def _bearer(self) -> str:
        return (self.headers["Authorization"] or "").removeprefix("Bearer ")

    def _faulty(self, path: str) -> bool:
        status = self.server.sigstore.faults.get(path)
        if status is None:
            return False
        if status == HANG:
            self.server.sigstore.released.wait()
            self.close_connection = True
            return True
        # A careless service repeats what it was sent.
        sent = self.headers["Authorization"] or ""
        self._answer(status, {"code": status, "message": f"injected fault, {sent}"})
        return True

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
