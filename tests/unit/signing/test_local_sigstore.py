"""What the local signer says, what it refuses to say, and what it costs to have around."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time

import pytest
from cryptography import x509

from neurocaas_ci.errors import BackendUnavailableError, VerificationError
from neurocaas_ci.signing import identities, local_sigstore
from neurocaas_ci.signing.envelope import require_statement
from neurocaas_ci.signing.interface import BUNDLE_TYPE, PAYLOAD_TYPE
from neurocaas_ci.signing.local_sigstore import LocalSigstore

STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "a", "digest": {"sha256": "a" * 64}}],
    "predicateType": "https://slsa.dev/provenance/v1",
    "predicate": {},
}
DATA = json.dumps(STATEMENT, indent=3).encode()


@pytest.fixture
def local(tmp_path):
    return LocalSigstore.open(tmp_path / "signing")


@pytest.fixture
def origin(local):
    return local.origin("https://example.org/lab/study", "refs/heads/größe", "c" * 40)


def leaf(bundle):
    raw = json.loads(bundle)["verificationMaterial"]["certificate"]["rawBytes"]
    return x509.load_der_x509_certificate(base64.b64decode(raw))


def test_the_origin_is_what_git_says_under_a_fresh_name(local, origin):
    assert origin._replace(invocation="") == type(origin)(
        "https://example.org/lab/study", "refs/heads/größe", "c" * 40, "", "local"
    )
    assert origin.invocation.startswith("urn:uuid:")
    assert local.origin("r", "f", "c").invocation != local.origin("r", "f", "c").invocation


def test_the_bundle_holds_these_exact_bytes(local, origin):
    document = json.loads(local.sign(DATA, origin))
    assert document["mediaType"] == BUNDLE_TYPE
    assert document["dsseEnvelope"]["payloadType"] == PAYLOAD_TYPE
    assert base64.b64decode(document["dsseEnvelope"]["payload"]) == DATA


def test_the_certificate_names_the_origin_and_nobody_else(local, origin):
    certificate = leaf(local.sign(DATA, origin))
    values = {
        int(extension.oid.dotted_string.rpartition(".")[2]): extension.value.value
        for extension in certificate.extensions
        if extension.oid.dotted_string.startswith("1.3.6.1.4.1.57264.1.")
    }
    assert values.pop(1) == identities.LOCAL_ISSUER.encode()
    assert {number: value[2:].decode() for number, value in values.items()} == {
        8: identities.LOCAL_ISSUER,
        11: "local",
        12: origin.repository,
        13: origin.commit,
        14: origin.ref,
        21: origin.invocation,
    }
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in names] == [identities.LOCAL_IDENTITY]


def test_every_signature_has_a_key_and_a_certificate_of_its_own(local, origin):
    first, second = leaf(local.sign(DATA, origin)), leaf(local.sign(DATA, origin))
    assert first.public_key().public_numbers() != second.public_key().public_numbers()
    assert first.serial_number != second.serial_number


@pytest.mark.parametrize("mode", ["github-hosted", "self-hosted"])
def test_it_does_not_speak_for_github(local, origin, mode):
    with pytest.raises(VerificationError, match=mode):
        local.sign(DATA, origin._replace(mode=mode))
    assert local.checkpoint().split("\n")[1] == "0"


def without(key):
    return {name: value for name, value in STATEMENT.items() if name != key}


@pytest.mark.parametrize(
    "statement",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        json.dumps(STATEMENT).encode("utf-16"),
        json.dumps(without("_type")).encode(),
        json.dumps(without("predicateType")).encode(),
        json.dumps(without("subject")).encode(),
        json.dumps({**STATEMENT, "subject": []}).encode(),
        json.dumps({**STATEMENT, "subject": {}}).encode(),
        json.dumps({**STATEMENT, "_type": "https://in-toto.io/Statement/v0.1"}).encode(),
    ],
)
def test_only_statements_are_signed(local, origin, statement):
    with pytest.raises(VerificationError, match="only in-toto statements"):
        local.sign(statement, origin)
    assert local.checkpoint().split("\n")[1] == "0"


def test_a_statement_is_accepted_whatever_its_spacing():
    require_statement(DATA)
    require_statement(json.dumps(STATEMENT).encode())


@pytest.mark.parametrize("years", [-1, 11])
def test_a_clock_outside_of_the_instances_life_is_noticed(local, origin, monkeypatch, years):
    now = time.time() + years * 365 * 86_400
    monkeypatch.setattr(local_sigstore.time, "time", lambda: now)
    with pytest.raises(BackendUnavailableError, match="clock") as caught:
        local.sign(DATA, origin)
    assert caught.value.hint


def test_the_log_is_consistent_with_every_bundle(local, origin):
    bundles = {f"b{n}": local.sign(DATA, origin) for n in range(5)}
    report = local.check_log(bundles, {"kept": local.checkpoint()})
    assert report.consistent
    assert (report.size, report.foreign) == (5, 0)


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )


def test_signing_needs_neither_sigstore_nor_a_network_library(tmp_path):
    script = """
import sys
from pathlib import Path
from neurocaas_ci.signing.local_sigstore import LocalSigstore
local = LocalSigstore.open(Path(sys.argv[1]))
local.sign(sys.argv[2].encode(), local.origin("r", "f", "c"))
print(sorted({"sigstore", "pydantic", "requests", "http.client", "cryptography.x509"} & set(sys.modules)))
"""
    done = run(script, str(tmp_path / "signing"), DATA.decode())
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("module", ["interface", "identities", "github_oidc", "sigstore_keyless"])
def test_nothing_heavy_comes_with(module):
    script = f"""
import sys
import neurocaas_ci.signing.{module}
print(sorted({{"sigstore", "cryptography", "requests"}} & set(sys.modules)))
"""
    assert run(script).stdout.strip() == "[]"


def test_without_the_extra_there_is_a_hint():
    script = """
import sys
sys.modules["cryptography"] = None
from neurocaas_ci.errors import UsageError
try:
    import neurocaas_ci.signing.local_sigstore
except UsageError as error:
    print(error)
"""
    done = run(script)
    assert "neurocaas-ci[sign]" in done.stdout, done.stderr
