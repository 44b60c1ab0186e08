"""Certificates read back by `cryptography` and by OpenSSL say what they were made of."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocaas_ci.signing import keys
from neurocaas_ci.signing.authority import (
    AUTHORITY_LIFETIME_SECONDS,
    issuing_name,
    make_authority,
    serial_number,
)
from neurocaas_ci.signing.envelope import pem
from neurocaas_ci.signing.fulcio_profile import (
    FULCIO_ARC,
    LIFETIME_SECONDS,
    CertificateLog,
    Issuer,
    Leaf,
    leaf_certificate,
)

START = 1_800_000_000
AUTHORITY = make_authority("test.invalid", START)
ISSUER = Issuer(issuing_name("test.invalid"), AUTHORITY.key.public, AUTHORITY.key.sign)
CT_LOG, HOLDER = keys.generate("P-256"), keys.generate("P-256")
FACTS = {1: "https://issuer.invalid", 8: "https://issuer.invalid", 14: "refs/heads/größe", 21: "u"}


def issue(facts=FACTS, start=START, identity="https://test.invalid/runner"):
    log = CertificateLog(keys.key_id(CT_LOG.public), CT_LOG.sign)
    leaf = Leaf(HOLDER.public, identity, facts)
    return leaf_certificate(ISSUER, log, serial_number(), start, leaf)


def parse(der):
    return x509.load_der_x509_certificate(der)


def fact(certificate, number):
    oid = x509.ObjectIdentifier(f"{FULCIO_ARC}.{number}")
    extension = certificate.extensions.get_extension_for_oid(oid)
    assert not extension.critical
    return extension.value.value


def test_a_leaf_says_who_and_when():
    certificate = parse(issue())
    assert certificate.version is x509.Version.v3
    assert certificate.subject == x509.Name([])
    assert certificate.not_valid_before_utc.timestamp() == START
    assert certificate.not_valid_after_utc.timestamp() == START + LIFETIME_SECONDS
    assert 0 < certificate.serial_number < 2**159
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical
    assert list(names.value) == [x509.UniformResourceIdentifier("https://test.invalid/runner")]
    holder = certificate.public_key().public_numbers()
    assert holder == HOLDER.private.public_key().public_numbers()


def test_a_leaf_may_sign_code_and_nothing_else():
    extensions = parse(issue()).extensions
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    others = (usage.value.key_cert_sign, usage.value.crl_sign, usage.value.key_encipherment)
    assert not any(others)
    extended = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(extended) == [ExtendedKeyUsageOID.CODE_SIGNING]
    with pytest.raises(x509.ExtensionNotFound):
        extensions.get_extension_for_class(x509.BasicConstraints)


def test_the_first_facts_are_raw_and_the_later_ones_der():
    certificate = parse(issue())
    assert fact(certificate, 1) == b"https://issuer.invalid"
    assert fact(certificate, 8) == b"\x0c\x16https://issuer.invalid"
    assert fact(certificate, 14) == b"\x0c\x12" + "refs/heads/größe".encode()


@settings(max_examples=25)
@given(
    st.dictionaries(
        st.integers(1, 22), st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
    )
)
def test_facts_of_any_length_are_kept(facts):
    certificate = parse(issue(facts))
    for number, value in facts.items():
        assert fact(certificate, number).endswith(value.encode())


def test_the_log_promises_exactly_this_certificate():
    certificate = parse(issue())
    (sct,) = certificate.extensions.get_extension_for_class(
        x509.PrecertificateSignedCertificateTimestamps
    ).value
    assert sct.log_id == hashlib.sha256(CT_LOG.public).digest()
    body = certificate.tbs_precertificate_bytes
    signed = struct.pack("!BBQH", 0, 0, START * 1000, 1)  # RFC 6962, section 3.2
    signed += hashlib.sha256(AUTHORITY.key.public).digest()
    signed += len(body).to_bytes(3, "big") + body + b"\0\0"
    CT_LOG.private.public_key().verify(sct.signature, signed, ec.ECDSA(hashes.SHA256()))


def test_the_chain_is_rooted_and_short():
    intermediate, root = map(parse, AUTHORITY.chain)
    parse(issue()).verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    for certificate, length in ((intermediate, 0), (root, 1)):
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.critical
        assert (constraints.value.ca, constraints.value.path_length) == (True, length)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        assert usage.critical
        assert usage.value.key_cert_sign
        assert not usage.value.digital_signature
        end = certificate.not_valid_after_utc.timestamp()
        assert end == START + AUTHORITY_LIFETIME_SECONDS
        names = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        assert [name.value for name in names] == ["test.invalid"]
    assert intermediate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)


@pytest.mark.parametrize("start", [START, 2_524_607_999 - LIFETIME_SECONDS, 2_524_607_900])
def test_openssl_accepts_the_chain(tmp_path, start):
    leaf = issue(start=start)
    intermediate, root = AUTHORITY.chain
    names = [("leaf", leaf), ("ca", intermediate), ("root", root)]
    for name, der in names:
        (tmp_path / f"{name}.pem").write_text(pem(der))
    # After 2049 the form of times changes; the authority's life is over by then.
    when = ["-attime", str(START + 5)] if start == START else ["-no_check_time"]
    done = subprocess.run(
        [
            "openssl", "verify", "-x509_strict", "-purpose", "any", *when, "-CAfile",
            "root.pem", "-untrusted", "ca.pem", "leaf.pem",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("der", [issue(), *AUTHORITY.chain])
def test_pem_is_what_cryptography_writes(der):
    from cryptography.hazmat.primitives.serialization import Encoding

    assert pem(der).encode() == parse(der).public_bytes(Encoding.PEM)


def test_serial_numbers_do_not_repeat():
    assert len({serial_number() for _ in range(100)}) == 100


def test_a_key_survives_its_file_and_others_are_refused():
    key = keys.load(HOLDER.pem())
    assert key.public == HOLDER.public
    assert keys.is_signed(HOLDER.public, key.sign(b"x"), b"x")
    assert not keys.is_signed(HOLDER.public, key.sign(b"x"), b"y")
    assert not keys.is_signed(CT_LOG.public, key.sign(b"x"), b"x")
    other = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519"], capture_output=True, check=True
    ).stdout
    for wrong in (b"", b"garbage", HOLDER.pem()[:100], os.urandom(200), other):
        with pytest.raises(ValueError):
            keys.load(wrong)
