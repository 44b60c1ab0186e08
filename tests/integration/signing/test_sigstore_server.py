"""The stand-in checks what the real services check; a lenient one would prove nothing."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sigstore_instance import CLAIMS
from sigstore_server import CERTIFICATE, ENTRIES, REQUEST_SECRET, TOKEN

from neurocaas_ci.signing.envelope import pae

PAYLOAD = b'{"_type": "https://in-toto.io/Statement/v1"}'


@pytest.fixture
def key():
    return ec.generate_private_key(ec.SECP256R1())


def ask(url, document=None, **headers):
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(url, data, headers)  # noqa: S310 - our own server
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def csr(key):
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256())


def request_for(csr_pem):
    return {"certificateSigningRequest": base64.b64encode(csr_pem).decode()}


def certify(github, token, document):
    return ask(github.url + CERTIFICATE, document, Authorization=f"Bearer {token}")


def leaf(answer):
    chain = answer["signedCertificateEmbeddedSct"]["chain"]["certificates"]
    return x509.load_pem_x509_certificate(chain[0].encode())


def pem_of(key):
    return csr(key).public_bytes(serialization.Encoding.PEM)


def test_discovery_leads_to_the_keys(github):
    status, configuration = ask(f"{github.url}/.well-known/openid-configuration")
    assert status == 200
    assert configuration["issuer"] == github.url
    (found,) = ask(configuration["jwks_uri"])[1]["keys"]
    public = jwt.PyJWK(found).key
    assert public.public_numbers() == github.identity_key.public_key().public_numbers()


def test_a_token_needs_the_jobs_secret(github):
    url = f"{github.url}{TOKEN}?audience=sigstore"
    assert ask(url)[0] == 401
    assert ask(url, Authorization="bearer wrong")[0] == 401
    status, answer = ask(url, Authorization=f"bearer {REQUEST_SECRET}")
    assert status == 200
    claims = jwt.decode(answer["value"], options={"verify_signature": False})
    assert {**claims, **CLAIMS} == claims
    assert claims["aud"] == "sigstore"


def test_a_request_with_the_key_is_certified(github, key):
    status, answer = certify(github, github.token("sigstore"), request_for(pem_of(key)))
    assert status == 201
    issued = leaf(answer).public_key().public_numbers()
    assert issued == key.public_key().public_numbers()


@pytest.mark.parametrize(
    "flaw", ["signature", "key", "audience", "expired", "issuer", "algorithm", "none"]
)
def test_a_token_that_does_not_hold_is_refused(github, key, flaw):
    if flaw == "expired":
        github.token_seconds = -1
    if flaw == "issuer":
        github.claims["iss"] = "https://unknown.example"
    if flaw == "key":
        published, github.identity_key = github.identity_key, key
    token = github.token("other" if flaw == "audience" else "sigstore")
    if flaw == "key":
        github.identity_key = published
    if flaw == "signature":
        head, body, signature = token.split(".")
        token = ".".join([head, body, signature[::-1]])
    if flaw in {"algorithm", "none"}:
        claims = jwt.decode(token, options={"verify_signature": False})
        secret, algorithm = ("", "none") if flaw == "none" else ("s" * 32, "HS256")
        token = jwt.encode(claims, secret, algorithm, headers={"kid": "test"})
    status, answer = certify(github, token, request_for(pem_of(key)))
    assert (status, answer["code"]) == (400, 3)


def test_a_request_for_somebody_elses_key_is_refused(github, key):
    other = ec.generate_private_key(ec.SECP256R1())
    mine, theirs = (
        item.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        for item in (key, other)
    )
    der = csr(key).public_bytes(serialization.Encoding.DER)
    swapped = x509.load_der_x509_csr(der.replace(mine, theirs))
    document = request_for(swapped.public_bytes(serialization.Encoding.PEM))
    status, answer = certify(github, github.token("sigstore"), document)
    assert status == 400
    assert "not signed with its own key" in answer["message"]


@pytest.mark.parametrize("honest", [True, False])
def test_the_other_form_of_request_needs_a_proof_as_well(github, key, honest):
    subject = CLAIMS["sub"] if honest else "somebody else"
    content = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    proof = key.sign(subject.encode(), ec.ECDSA(hashes.SHA256()))
    document = {
        "credentials": {"oidcIdentityToken": github.token("sigstore")},
        "publicKeyRequest": {
            "publicKey": {"algorithm": "ECDSA", "content": content.decode()},
            "proofOfPossession": base64.b64encode(proof).decode(),
        },
    }
    status, _ = ask(github.url + CERTIFICATE, document)
    assert status == (201 if honest else 400)


@pytest.mark.parametrize("flaw", ["", "signature", "payload", "kind"])
def test_only_what_the_certificate_signed_is_logged(github, key, flaw):
    certificate = leaf(certify(github, github.token("sigstore"), request_for(pem_of(key)))[1])
    signature = key.sign(pae(PAYLOAD), ec.ECDSA(hashes.SHA256()))
    payload = PAYLOAD + b" " if flaw == "payload" else PAYLOAD
    if flaw == "signature":
        signature = key.sign(b"something else", ec.ECDSA(hashes.SHA256()))
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{"sig": base64.b64encode(signature).decode()}],
    }
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    content = {
        "envelope": json.dumps(envelope),
        "verifiers": [base64.b64encode(pem).decode()],
    }
    document = {
        "kind": "intoto" if flaw == "kind" else "dsse",
        "apiVersion": "0.0.1",
        "spec": {"proposedContent": content},
    }
    status, answer = ask(github.url + ENTRIES, document)
    assert status == (400 if flaw else 201)
    assert github.log.check({}, {}).size == (0 if flaw else 1)
    if not flaw:
        (entry,) = answer.values()
        assert entry["logIndex"] == 0


def test_other_pages_are_not_there(github):
    assert ask(f"{github.url}/nothing")[0] == 404
    assert ask(f"{github.url}/nothing", {})[0] == 404
