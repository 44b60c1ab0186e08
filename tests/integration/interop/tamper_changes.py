"""Ways to change one thing of a bundle, and nothing else.

A place is a path in the bundle's JSON, `verificationMaterial.tlogEntries.0.logIndex`. What is encoded
in a leaf has places of its own, behind a `>`: fields of the log entry and of the statement, parts
of the checkpoint, and the parts of the signing certificate's DER.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from signed_results import Document, Signed, b64

Changed = Document | bytes
Change = Callable[[Signed, str], Iterator[tuple[str, Changed]]]

CERTIFICATE = "verificationMaterial.certificate.rawBytes"
ENTRY = "verificationMaterial.tlogEntries.0"
PROOF = f"{ENTRY}.inclusionProof"
CHECKPOINT = f"{PROOF}.checkpoint.envelope"
BODY = f"{ENTRY}.canonicalizedBody"
PAYLOAD = "dsseEnvelope.payload"

# Orders of the curves that signatures are made on (SEC 2, sections 2.4.2 and 2.5.1).
_ORDERS = {
    64: 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    96: 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}


def leaves(document: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield place and value of everything in a document that is neither an object nor a list."""
    if isinstance(document, dict | list):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in items:
            yield from leaves(value, f"{place}.{key}" if place else str(key))
    else:
        yield place, document


def containers(document: Any, place: str = "") -> Iterator[str]:
    """Yield the places of all objects and lists below a document."""
    if isinstance(document, dict | list):
        if place:
            yield place
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in items:
            yield from containers(value, f"{place}.{key}" if place else str(key))


def get(document: Any, place: str) -> Any:
    for key in place.split("."):
        document = document[int(key) if isinstance(document, list) else key]
    return document


def put(document: Any, place: str, value: Any) -> Any:
    """Return a document with another value in one place; `...` removes what is there."""
    document = copy.deepcopy(document)
    above, _, last = place.rpartition(".")
    parent = get(document, above) if above else document
    key = int(last) if isinstance(parent, list) else last
    if value is ...:
        del parent[key]
    else:
        parent[key] = value
    return document


def becomes(*values: Any) -> Change:
    """Return a change to each of these values."""

    def change(signed: Signed, place: str) -> Iterator[tuple[str, Changed]]:
        for value in values:
            yield repr(value), put(signed.document, place, value)

    return change


def text(*edits: Callable[[str], str]) -> Change:
    """Return a change of the text in a place by each of these functions."""

    def change(signed: Signed, place: str) -> Iterator[tuple[str, Changed]]:
        document = signed.document
        before = get(document, place)
        for number, edit in enumerate(edits):
            assert edit(before) != before
            yield str(number), put(document, place, edit(before))

    return change


def data(*edits: Callable[[bytes], bytes]) -> Change:
    """Return a change of the bytes that are base64 in a place."""
    return text(*(lambda value, edit=edit: b64(edit(base64.b64decode(value))) for edit in edits))


def flip(index: int) -> Callable[[bytes], bytes]:
    def edit(value: bytes) -> bytes:
        changed = bytearray(value)
        changed[index % len(changed)] ^= 1
        return bytes(changed)

    return edit


def middle(value: bytes) -> bytes:
    return flip(len(value) // 2)(value)


BITS = data(flip(0), middle, flip(-1), lambda value: value[:-1], lambda value: value + b"\0")
NUMBER = text(lambda v: str(int(v) + 1), lambda v: f"-{v}", lambda _: str(2**64), lambda _: "x")
SHAPES = becomes(None, "", 7, True, {}, [], ...)
"""What no field of a bundle may be."""


def of_other(signed: Signed, place: str) -> Iterator[tuple[str, Changed]]:
    """Take what another bundle of the same log has in a place."""
    value = get(json.loads(signed.other), place)
    assert value != get(signed.document, place)
    yield "other", put(signed.document, place, value)


def other_form(signature: bytes) -> bytes:
    """Return the other signature that is as good: (r, n - s) is one whenever (r, s) is."""
    r, s = decode_dss_signature(signature)
    order = _ORDERS[64 if r.bit_length() <= 256 and s.bit_length() <= 256 else 96]
    return encode_dss_signature(r, order - s)


def inner_json(signed: Signed, place: str) -> Iterator[tuple[str, Changed]]:
    """Change each leaf of the JSON that is base64 in a place."""
    inside = json.loads(base64.b64decode(get(signed.document, place)))
    for inner, value in leaves(inside):
        other = value + "x" if isinstance(value, str) else "x" if value is None else not value
        changed = json.dumps(put(inside, inner, other), separators=(",", ":"), sort_keys=True)
        yield f">{inner}", put(signed.document, place, b64(changed.encode()))


def respelled_json(signed: Signed, place: str) -> Iterator[tuple[str, Changed]]:
    """Write the JSON that is base64 in a place in another way."""
    inside = json.loads(base64.b64decode(get(signed.document, place)))
    yield "spaced", put(signed.document, place, b64(json.dumps(inside).encode()))


def der_parts(signed: Signed, place: str) -> Iterator[tuple[str, Changed]]:
    """Change the last bit of the content of each primitive value in DER."""
    der = base64.b64decode(get(signed.document, place))
    for name, end in _primitives(der, 0, len(der), ""):
        yield f">{name}", put(signed.document, place, b64(flip(end - 1)(der)))


def _primitives(der: bytes, start: int, end: int, name: str) -> Iterator[tuple[str, int]]:
    """Yield a name and the end of each primitive value that is not empty (X.690, section 8.1)."""
    number = 0
    while start < end:
        tag, size, header = der[start], der[start + 1], 2
        if size & 0x80:
            header += size & 0x7F
            size = int.from_bytes(der[start + 2 : start + header], "big")
        inside, after = start + header, start + header + size
        path = f"{name}.{number}" if name else str(number)
        if tag & 0x20:
            yield from _primitives(der, inside, after, path)
        elif size:
            yield path, after
        start, number = after, number + 1


def note(*edits: Callable[[list[str]], list[str]]) -> Change:
    """Return a change of the checkpoint's lines: origin, size, root, nothing, signature, end."""
    return text(*(lambda value, edit=edit: "\n".join(edit(value.split("\n"))) for edit in edits))


def line(number: int, edit: Callable[[str], str]) -> Callable[[list[str]], list[str]]:
    return lambda lines: [*lines[:number], edit(lines[number]), *lines[number + 1 :]]


def signature_line(edit: Callable[[str, bytes, bytes], tuple[str, bytes, bytes]]):
    """Edit name, key hint and signature below a checkpoint."""

    def change(value: str) -> str:
        dash, name, signed = value.split(" ")
        raw = base64.b64decode(signed)
        name, hint, signature = edit(name, raw[:4], raw[4:])
        return f"{dash} {name} {b64(hint + signature)}"

    return line(4, change)


def raw(edit: Callable[[bytes], bytes]) -> Change:
    """Return a change of the bundle's bytes."""
    return lambda signed, _: iter([("raw", edit(signed.asked.bundle))])
