"""What every signer must do, run on each adapter through the port alone."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import pytest
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy

# The services that the keyless adapter talks to are those of the integration tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "integration" / "signing"))

from sigstore_instance import COMMIT, REPOSITORY, WORKFLOW
from sigstore_server import raise_loopback, running

from neurocaas_ci.errors import NeurocaasError, VerificationError
from neurocaas_ci.signing.identities import GITHUB, GITHUB_ISSUER, LOCAL_IDENTITY, LOCAL_ISSUER
from neurocaas_ci.signing.interface import BUNDLE_TYPE, PAYLOAD_TYPE
from neurocaas_ci.signing.local_sigstore import LocalSigstore
from neurocaas_ci.signing.sigstore_keyless import KeylessSigner

REF = "refs/heads/main"
STATEMENTS = [
    json.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": name, "digest": {"sha256": "a" * 64}}],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {"note": name},
        },
        indent=indent,
        ensure_ascii=indent is None,
    ).encode()
    for name, indent in [("a", None), ("größe \u2028 \\u0000", 2), ("x" * 100_000, None)]
]


@pytest.fixture(params=["local", "keyless"])
def adapter(request, tmp_path, monkeypatch):
    """Return a signer, the trusted root of its instance, and the identity and issuer it has."""
    if request.param == "local":
        local = LocalSigstore.open(tmp_path / "signing")
        yield local, local.trusted_root, LOCAL_IDENTITY, LOCAL_ISSUER
        return
    if not raise_loopback():
        pytest.skip("there is no loopback device; tests/integration/signing signs with one")
    with running(tmp_path / "instance") as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        signer = KeylessSigner(server.trust_config)
        yield signer, server.trusted_root, f"{GITHUB}/{WORKFLOW}", GITHUB_ISSUER


@pytest.fixture
def signer(adapter):
    return adapter[0]


@pytest.fixture
def origin(signer):
    return signer.origin(REPOSITORY, REF, COMMIT)


@pytest.fixture
def verify(adapter):
    """Return what verifies a bundle with unmodified sigstore-python against an origin."""
    _, root, identity, issuer = adapter
    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(root)))

    def check(bundle, origin):
        wanted = [
            policy.Identity(identity=identity, issuer=issuer),
            policy.OIDCIssuerV2(issuer),
            policy.OIDCRunnerEnvironment(origin.mode),
            policy.OIDCSourceRepositoryURI(origin.repository),
            policy.OIDCSourceRepositoryRef(origin.ref),
            policy.OIDCSourceRepositoryDigest(origin.commit),
            policy.OIDCRunInvocationURI(origin.invocation),
        ]
        return verifier.verify_dsse(Bundle.from_json(bundle), policy.AllOf(wanted))

    return check


def test_the_origin_is_what_git_says(origin):
    assert (origin.repository, origin.ref, origin.commit) == (REPOSITORY, REF, COMMIT)
    assert ":" in origin.invocation


@pytest.mark.parametrize("statement", STATEMENTS, ids=len)
def test_the_bundle_verifies_and_agrees_with_the_origin(signer, origin, verify, statement):
    assert verify(signer.sign(statement, origin), origin) == (PAYLOAD_TYPE, statement)


@pytest.mark.parametrize("statement", STATEMENTS, ids=len)
def test_the_bundle_keeps_the_exact_bytes(signer, origin, statement):
    document = json.loads(signer.sign(statement, origin))
    assert document["mediaType"] == BUNDLE_TYPE
    assert base64.b64decode(document["dsseEnvelope"]["payload"]) == statement


def test_signing_twice_is_two_entries_of_one_log(signer, origin, verify):
    bundles = [signer.sign(STATEMENTS[0], origin) for _ in range(3)]
    assert all(verify(bundle, origin) for bundle in bundles)
    entries = [
        entry
        for bundle in bundles
        for entry in json.loads(bundle)["verificationMaterial"]["tlogEntries"]
    ]
    assert [int(entry["logIndex"]) for entry in entries] == [0, 1, 2]
    assert len({entry["logId"]["keyId"] for entry in entries}) == 1


@pytest.mark.parametrize("statement", [b"", b"{}", b"[1]", b"\xff", STATEMENTS[0][:-1]])
def test_what_is_no_statement_is_refused(signer, origin, statement):
    with pytest.raises(VerificationError) as caught:
        signer.sign(statement, origin)
    assert isinstance(caught.value, NeurocaasError)
    assert caught.value.hint


def test_an_origin_that_is_not_the_signers_is_refused(signer, origin):
    other = "self-hosted" if origin.mode == "local" else "local"
    with pytest.raises(VerificationError) as caught:
        signer.sign(STATEMENTS[0], origin._replace(mode=other))
    assert caught.value.hint
