"""Every field of a certificate is changed, one at a time, and three verifiers answer as the table says."""

from __future__ import annotations

import base64
import json
import re

import pytest
from cryptography import x509
from interop_verifiers import failed, ours, sigstore_js, sigstore_python
from tamper_changes import BODY, CERTIFICATE, PAYLOAD, containers, get, leaves, put
from tamper_rows import ROWS, VALID, Row


@pytest.fixture(scope="module")
def changed(signed):
    """Return the changed bundles of each row, by the names of the row and of the change."""
    return {
        row.name: {
            name: value if isinstance(value, bytes) else json.dumps(value).encode()
            for name, value in row.change(signed, row.place)
        }
        for row in ROWS
    }


@pytest.fixture(scope="module")
def js_answers(signed, changed):
    """Return sigstore-js's answers to all of them, of one process."""
    keys = [(row, change) for row, bundles in changed.items() for change in bundles]
    questions = {str(n): signed.asked.about(changed[row][c]) for n, (row, c) in enumerate(keys)}
    return dict(zip(keys, sigstore_js(questions).values(), strict=True))


def test_the_bundle_itself_is_valid(signed):
    assert failed(ours(signed.asked, signed.results)) == []
    assert sigstore_python(signed.asked).valid


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_ours(signed, changed, row: Row):
    unchanged = ours(signed.asked)
    answers = {name: ours(signed.asked.about(bundle)) for name, bundle in changed[row.name].items()}
    assert answers
    expected = [row.ours] if row.ours else []
    assert {name: failed(answer) for name, answer in answers.items()} == dict.fromkeys(
        answers, expected
    )
    if row.ours == VALID:
        # What a change does not invalidate must not change what is said either.
        assert all(answer == unchanged for answer in answers.values())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_sigstore_python(signed, changed, row: Row):
    for name, bundle in changed[row.name].items():
        answer = sigstore_python(signed.asked.about(bundle))
        assert (name, answer.valid) == (name, row.python), answer.said
        assert answer.payload in {None, signed.statement}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_sigstore_js(signed, changed, js_answers, row: Row):
    for name in changed[row.name]:
        answer = js_answers[row.name, name]
        assert (name, answer.valid) == (name, row.js), answer.said
        assert answer.payload in {None, signed.statement}


def test_no_field_is_left_out(signed):
    """The fields are found in a real bundle, so that a new one cannot be forgotten."""
    places = {row.place for row in ROWS}
    assert {place for place, _ in leaves(signed.document)} <= places
    # sigstore-python writes this one, always empty.
    unused = "verificationMaterial.timestampVerificationData"
    found = {place for place in containers(signed.document) if not place.startswith(unused)}
    assert found <= places


def test_nothing_inside_a_field_is_left_out(signed, changed):
    """Statement and log entry are changed leaf by leaf, the certificate value by value."""
    statement = {f">{place}" for place, _ in leaves(json.loads(signed.statement))}
    assert statement == set(changed[_row(PAYLOAD, "any field").name])
    assert {
        ">apiVersion", ">kind", ">spec.envelopeHash.algorithm", ">spec.envelopeHash.value",
        ">spec.payloadHash.algorithm", ">spec.payloadHash.value", ">spec.signatures.0.signature",
        ">spec.signatures.0.verifier",
    } == set(changed[_row(BODY, "any field").name])  # fmt: skip
    parts = [name[1:].split(".") for name in changed[_row(CERTIFICATE, "any part of its DER").name]]
    # Certificate: 0 what is signed, 1 algorithm, 2 signature (RFC 5280, section 4.1).
    assert {part[1] for part in parts} == {"0", "1", "2"}
    # What is signed: all but 5, the subject, which is empty.
    assert {part[2] for part in parts if part[1] == "0"} == set("0123467")
    certificate = x509.load_der_x509_certificate(
        base64.b64decode(get(signed.document, CERTIFICATE))
    )
    extensions = {part[4] for part in parts if part[1:3] == ["0", "7"]}
    assert len(extensions) == len(certificate.extensions) > 10


def test_only_the_named_place_is_changed(signed, changed):
    for row in ROWS:
        # Of a list whose elements move up when one is removed, the list is looked at.
        field = re.sub(r"(\.\d+)+$", "", row.place)
        for name, bundle in changed[row.name].items() if field else ():
            assert put(json.loads(bundle), field, "?") == put(signed.document, field, "?"), name


def test_whatever_differs_is_explained():
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))
    for row in ROWS:
        same = (row.ours == VALID) == row.python == row.js
        assert (same and row.ours != VALID) or row.why, row.name


def _row(place: str, how: str) -> Row:
    (row,) = [row for row in ROWS if (row.place, row.how) == (place, how)]
    return row
