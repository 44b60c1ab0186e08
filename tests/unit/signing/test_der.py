"""DER as X.690 and RFC 5280 have it: their own examples, and `cryptography` as the second opinion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocaas_ci.signing import der

asn1 = pytest.importorskip("cryptography.hazmat.asn1")


@given(st.integers(min_value=0, max_value=2**200))
def test_integers(number):
    assert asn1.decode_der(int, der.integer(number)) == number
    assert der.integer(number) == asn1.encode_der(number)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_texts_of_any_length(text):
    assert der.utf8(text) == asn1.encode_der(text)


@given(st.binary(max_size=70_000))
def test_octets_of_any_length(data):
    assert der.octets(data) == asn1.encode_der(data)


@pytest.mark.parametrize("size", [0, 127, 128, 255, 256, 65_535, 65_536])
def test_lengths_at_the_edges_of_their_forms(size):
    assert der.octets(b"x" * size) == asn1.encode_der(b"x" * size)


def test_true():
    assert der.true() == asn1.encode_der(True)


@pytest.mark.parametrize(
    ("dotted", "encoded"),
    [
        ("1.2.840.113549", "06062a864886f70d"),
        ("2.999.3", "0603883703"),  # X.690, 8.19.5
        ("1.3.6.1.4.1.57264.1.21", "060a2b0601040183bf300115"),
    ],
)
def test_object_identifiers(dotted, encoded):
    assert der.oid(dotted).hex() == encoded


@pytest.mark.parametrize(
    ("seconds", "encoded"),
    [
        (0, b"\x17\x0d700101000000Z"),
        (1_767_225_599, b"\x17\x0d251231235959Z"),
        (2_524_607_999, b"\x17\x0d491231235959Z"),
        (2_524_608_000, b"\x18\x0f20500101000000Z"),
    ],
)
def test_times_change_their_form_in_2050(seconds, encoded):
    assert der.time(seconds) == encoded


def test_constructed_values():
    assert der.sequence(der.true(), der.integer(1)).hex() == "30060101ff020101"
    assert der.set_of(der.integer(1)).hex() == "3103020101"
    assert der.explicit(3, der.integer(1)).hex() == "a303020101"
    assert der.context(6, b"uri").hex() == "8603757269"
    assert der.bits(b"\x80", unused=7).hex() == "03020780"
