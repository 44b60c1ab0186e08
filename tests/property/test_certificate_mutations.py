"""Laws: no bundle and no statement breaks the auditor, and none holds that was not signed as it is.

Bundles are malleable: what counts is that the payload is the signed one, whatever else changes.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "certify"))

from certificate_damage import NASTY, damaged_bytes, damaged_json, get, junk, places
from certificate_world import OUTPUTS, STATEMENT, World, digest, make_world

from neurocaas_ci.audit.certificate import NotACertificateError, read_certificate
from neurocaas_ci.audit.signature import names_local_issuer, read_entry, read_payload
from neurocaas_ci.audit.verify import verify
from neurocaas_ci.audit.witness import verify_verdict
from neurocaas_ci.errors import VerificationError
from neurocaas_ci.model.digest import canonical_json
from neurocaas_ci.model.verification import Verification
from neurocaas_ci.report import certificate as certificate_report
from neurocaas_ci.report import verification as verification_report

fuzz = settings(deadline=None, suppress_health_check=list(HealthCheck))
PAYLOAD = canonical_json(STATEMENT)
REPLAY = "certificates/ada/2026-11/tracking.replays/x.sigstore.json"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = make_world(tmp_path_factory.mktemp("world"))
    with world.history:
        yield world


def assert_plain(shown: str) -> None:
    assert all(character.isprintable() or character == "\n" for character in shown)


def assert_shown(answer: Verification) -> None:
    """Require that an answer can be shown on any terminal, and read by any program."""
    assert_plain(verification_report.as_text(answer))
    shown = verification_report.as_json(answer)
    assert_plain(shown)
    assert json.loads(shown, parse_constant=pytest.fail)["valid"] == answer.valid


def judged(world: World, data: bytes) -> Verification:
    """Return the answer; there is one, whatever the bytes are."""
    answer = verify(data, world.question)
    assert_shown(answer)
    for read in (read_entry, read_payload):
        with contextlib.suppress(VerificationError):
            read(data)
    assert names_local_issuer(data) in {True, False}
    assert not verify_verdict(data, REPLAY, world.question).valid
    return answer


def assert_same_if_valid(world: World, data: bytes) -> None:
    answer = judged(world, data)
    if answer.valid:
        assert answer.certificate == digest(world.statement)
        same = [(check.name, check.state) for check in world.answer.checks]
        assert [(check.name, check.state) for check in answer.checks] == same
        assert (answer.job, answer.status) == (world.answer.job, world.answer.status)


@settings(fuzz, max_examples=300)
@given(data=st.data())
def test_a_changed_bundle_holds_only_for_what_was_signed(world, data):
    assert_same_if_valid(world, data.draw(damaged_json(json.loads(world.bundle))))


@settings(fuzz, max_examples=300)
@given(data=st.data())
def test_changed_bytes_hold_only_for_what_was_signed(world, data):
    assert_same_if_valid(world, data.draw(damaged_bytes(world.bundle)))


@settings(fuzz, max_examples=150)
@given(data=st.data())
def test_what_is_base64_in_a_bundle_is_damaged_as_well(world, data):
    document = json.loads(world.bundle)
    encoded = [path for path in places(document) if _decoded(get(document, path))]
    path = data.draw(st.sampled_from(encoded))
    damaged = data.draw(damaged_bytes(_decoded(get(document, path))))
    get(document, path[:-1])[path[-1]] = base64.b64encode(damaged).decode()
    assert_same_if_valid(world, json.dumps(document).encode())


def _decoded(value):
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except ValueError:
        return b""


@settings(fuzz, max_examples=100)
@given(junk)
def test_any_json_is_no_bundle(world, document):
    assert not judged(world, json.dumps(document).encode()).valid


def read_or_refused(payload: bytes):
    """Return a certificate that can be shown, or None for what is none."""
    try:
        certificate = read_certificate(payload)
    except NotACertificateError:
        return None
    assert certificate.sha256 == digest(payload)
    assert_plain(certificate_report.as_text(certificate, "logged"))
    shown = certificate_report.as_json(certificate, "logged")
    assert_plain(shown)
    assert json.loads(shown, parse_constant=pytest.fail)["sha256"] == certificate.sha256
    return certificate


@settings(fuzz, max_examples=600)
@given(damaged_json(STATEMENT))
def test_a_changed_statement_is_read_or_refused(payload):
    read_or_refused(payload)


@settings(fuzz, max_examples=300)
@given(
    damaged_bytes(PAYLOAD) | st.binary(max_size=200) | junk.map(lambda v: json.dumps(v).encode())
)
def test_any_bytes_are_read_or_refused(payload):
    read_or_refused(payload)


def assert_says_what_holds(world: World, payload: bytes) -> None:
    """Sign any payload; require that it is valid only where certificate and results agree with it."""
    signed = world.sign(payload)
    assert_shown(verify(signed, replace(world.question, history=world.history)))
    answer = judged(world, signed)
    states = {check.name: check.state for check in answer.checks}
    assert states["signature"] == states["identity"] == "ok"
    if answer.valid:
        certificate = read_or_refused(payload)
        assert certificate is not None
        assert answer.certificate == digest(payload)
        assert certificate.subjects == {name: digest(data) for name, data in OUTPUTS.items()}
        assert certificate.repository == world.origin.repository
        assert certificate.ref == world.origin.ref
        assert certificate.main_commit == world.origin.commit
        assert certificate.invocation == world.origin.invocation
        assert certificate.builder == "urn:neurocaas:builder:local:v1"


@settings(fuzz, max_examples=150)
@given(data=st.data())
def test_whatever_is_signed_is_judged_by_what_it_says(world, data):
    """Only the content is hostile here: signature, certificate and log entry are good."""
    statement = json.loads(world.statement)
    payload = data.draw(damaged_json(statement, most=2) | damaged_bytes(world.statement))
    assert_says_what_holds(world, payload)


def test_every_value_of_a_statement_is_changed_once(world):
    statement = json.loads(world.statement)
    for path in places(statement):
        value = get(statement, path)
        if isinstance(value, str):
            # A digest stays one.
            other = value.translate(str.maketrans("0123456789", "1234567890")) or "x"
            changed = copy.deepcopy(statement)
            get(changed, path[:-1])[path[-1]] = other if other != value else f"{value}x"
            assert_says_what_holds(world, canonical_json(changed))


def test_a_verdict_of_a_replay_is_one(world):
    answer = verify_verdict(world.sign(canonical_json(world.verdict)), REPLAY, world.question)
    assert (answer.valid, answer.status) == (True, "identical")


@settings(fuzz, max_examples=80)
@given(data=st.data())
def test_a_changed_verdict_is_judged_too(world, data):
    payload = data.draw(damaged_json(world.verdict, most=2))
    signed = world.sign(payload)
    for question in (world.question, replace(world.question, history=world.history)):
        answer = verify_verdict(signed, REPLAY, question)
        assert_shown(answer)
        if answer.valid:
            assert json.loads(payload)["predicate"]["neurocaas_replay"]["verdict"] == answer.status
    assert not verify(signed, world.question).valid


def everywhere(value: str):
    """Yield the statement with a JSON text in place of each of its values."""
    for path in places(STATEMENT):
        document = copy.deepcopy(STATEMENT)
        get(document, path[:-1])[path[-1]] = "@here@"
        yield json.dumps(document).replace('"@here@"', value).encode()


EXTREMES = [
    *(pytest.param(json.dumps(text), id=ascii(text[:12])) for text in NASTY),
    *("null", "true", "[]", "{}", "[{}]", '{"":0}', "-0", "1.5", "-1", "1e308", "NaN", "Infinity"),
    pytest.param("1" + "0" * 4_000, id="4000 digits"),
    pytest.param("1" + "0" * 5_000, id="5000 digits"),
    "1e999",
    pytest.param("[" * 200 + "]" * 200, id="deep"),
    pytest.param("[" * 100_000 + "]" * 100_000, id="very deep"),
    pytest.param('{"a":1,"a":2}', id="duplicate"),
]


@pytest.mark.parametrize("value", EXTREMES)
def test_an_extreme_value_in_any_place_is_read_or_refused(value):
    for payload in everywhere(value):
        read_or_refused(payload)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_statement_is_utf_8(encoding):
    assert read_or_refused(PAYLOAD.decode().encode(encoding)) is None


def test_a_time_without_end_is_refused(world):
    document = json.loads(world.bundle)
    document["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = "@here@"
    judged(world, json.dumps(document).replace('"@here@"', "1e999").encode())
