"""The tamper table: where a bundle is changed, how, and what three verifiers say to it.

`ours` names the check of `neurocaas verify` that fails, `python` and `js` say whether sigstore-python
and sigstore-js accept it. Where the three differ, or accept a changed bundle, `why` says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from signed_results import b64
from tamper_changes import (
    BITS,
    BODY,
    CERTIFICATE,
    CHECKPOINT,
    ENTRY,
    NUMBER,
    PAYLOAD,
    PROOF,
    SHAPES,
    Change,
    becomes,
    data,
    der_parts,
    flip,
    get,
    inner_json,
    line,
    note,
    of_other,
    other_form,
    put,
    raw,
    respelled_json,
    signature_line,
    text,
)

VALID = ""
SIGNATURE = "signature"


@dataclass(frozen=True)
class Row:
    """One way to change a place; the default answer is that nobody accepts it."""

    place: str
    how: str
    change: Change
    ours: str = SIGNATURE
    python: bool = False
    js: bool = False
    why: str = ""

    @property
    def name(self) -> str:
        return f"{self.place.removeprefix('verificationMaterial.') or 'bundle'}: {self.how}"


def accepted(place: str, how: str, change: Change, why: str) -> Row:
    """Return a row of a change that means nothing, to nobody."""
    return Row(place, how, change, VALID, python=True, js=True, why=why)


def lenient_js(place: str, how: str, change: Change, why: str) -> Row:
    return Row(place, how, change, js=True, why=f"sigstore-js {why}")


def lenient_python(place: str, how: str, change: Change, why: str) -> Row:
    return Row(place, how, change, VALID, python=True, why=f"sigstore-python {why}")


_UNUSED = "sigstore-js takes root and size from the signed checkpoint, and never reads these fields"
_BASE64 = "decoders skip what is not base64"
_TRUE_SIGNATURE = "of every ECDSA signature there are two forms; nothing else holds this one"

SPELLED = text(lambda v: f" {v}", lambda v: f"{v[:8]}\n{v[8:]}", lambda v: f"{v[:4]}!{v[4:]}")
UNPADDED = text(lambda v: v.rstrip("="))
ZEROS = text(lambda v: f"0{v}", lambda v: f" {v}")
AS_NUMBER = text(int)
UNDERSCORES = text(lambda v: f"{v[:1]}_{v[1:]}" if len(v) > 1 else f"0_{v}")


def _fields() -> list[Row]:
    """Return what holds alike of many fields."""
    base64s = [CERTIFICATE, f"{ENTRY}.logId.keyId", f"{ENTRY}.inclusionPromise.signedEntryTimestamp",
               *(f"{PROOF}.hashes.{n}" for n in range(3)), BODY, PAYLOAD,
               "dsseEnvelope.signatures.0.sig"]  # fmt: skip
    numbers = [f"{ENTRY}.logIndex", f"{ENTRY}.integratedTime", f"{PROOF}.logIndex"]
    texts = ["mediaType", f"{ENTRY}.kindVersion.kind", f"{ENTRY}.kindVersion.version",
             "dsseEnvelope.payloadType", CHECKPOINT]  # fmt: skip
    objects = ["verificationMaterial", "verificationMaterial.certificate", ENTRY, f"{ENTRY}.logId",
               f"{ENTRY}.kindVersion", f"{ENTRY}.inclusionPromise", PROOF, f"{PROOF}.checkpoint",
               "dsseEnvelope", "dsseEnvelope.signatures.0"]  # fmt: skip
    lists = ["verificationMaterial.tlogEntries", f"{PROOF}.hashes", "dsseEnvelope.signatures"]
    every = base64s + numbers + texts + objects + lists
    rows = [Row(place, "no value of its kind", SHAPES) for place in every]
    rows += [Row(place, "one bit, one byte", BITS) for place in base64s if place != CERTIFICATE]
    rows += [Row(place, "another number", NUMBER) for place in numbers]
    for place in [*base64s, f"{PROOF}.rootHash"]:
        rows.append(accepted(place, "spelled with other characters", SPELLED, _BASE64))
    for place in [*numbers, f"{PROOF}.treeSize"]:
        rows += [
            accepted(place, "spelled with a zero or a space", ZEROS, "it is the same number"),
            lenient_js(
                place, "as a number", AS_NUMBER, "takes numbers for the texts that they are"
            ),
        ]
    rows += [
        lenient_python(place, "spelled with an underscore", UNDERSCORES, "reads numbers as Python")
        for place in numbers
    ]
    rows += [
        Row(place, "that of another bundle", of_other)
        for place in [*base64s, *numbers[::2], CHECKPOINT]
        if place != f"{ENTRY}.logId.keyId"
    ]
    return rows


_MEDIA = [
    Row("mediaType", "of no bundle", becomes("application/json", "bundle")),
    accepted("mediaType", "the other name of 0.3",
             becomes("application/vnd.dev.sigstore.bundle+json;version=0.3"), "both are in use"),
    lenient_js("mediaType", "of an older version",
               becomes(*(f"application/vnd.dev.sigstore.bundle+json;version=0.{n}" for n in (1, 2))),
               "does not mind that they have the certificate in another place"),
    lenient_js("mediaType", "with more behind it", text(lambda v: f"{v}x"), "reads how it begins"),
]  # fmt: skip

_CERTIFICATE = [
    Row(CERTIFICATE, "any part of its DER", der_parts),
    Row(CERTIFICATE, "cut off", data(lambda v: v[:-1])),
    lenient_js(CERTIFICATE, "with more behind it", data(lambda v: v + b"\0"),
               "stops reading where the certificate ends"),
    lenient_js(CERTIFICATE, "a SET for a SEQUENCE", data(flip(0)), "does not look at that tag"),
]  # fmt: skip

_ENTRY = [
    lenient_js(f"{ENTRY}.logId.keyId", "without padding", UNPADDED, "does not ask for padding"),
    Row(f"{ENTRY}.kindVersion.kind", "another kind", becomes("hashedrekord", "intoto", "DSSE")),
    Row(f"{ENTRY}.kindVersion.version", "another version", becomes("0.0.2", "0.0.3", "1")),
    Row(f"{ENTRY}.integratedTime", "another time", becomes("0", "1", "99999999999999999999")),
    accepted(f"{ENTRY}.inclusionPromise.signedEntryTimestamp", "its other form", data(other_form),
             _TRUE_SIGNATURE),
    Row(BODY, "any field", inner_json),
    Row(BODY, "spaced", respelled_json),
]  # fmt: skip

_PROOF = [
    lenient_js(f"{PROOF}.rootHash", "no value of its kind", becomes(None, "", [], ...), _UNUSED),
    Row(f"{PROOF}.rootHash", "no text", becomes(7, True, {})),
    lenient_js(f"{PROOF}.rootHash", "one bit, one byte", BITS, _UNUSED),
    lenient_js(f"{PROOF}.rootHash", "that of another bundle", of_other, _UNUSED),
    lenient_js(f"{PROOF}.treeSize", "no value of its kind", SHAPES, _UNUSED),
    lenient_js(f"{PROOF}.treeSize", "that of another bundle", of_other, _UNUSED),
    lenient_js(f"{PROOF}.treeSize", "another number", becomes("0", "4", "5", "6", "9", "-7"), _UNUSED),
    Row(f"{PROOF}.treeSize", "one whose proofs look the same", becomes("8"), python=True, js=True,
        why="sigstore-python compares the checkpoint's root with the proof, but not its size"),
    accepted(f"{PROOF}.treeSize", "spelled with an underscore", text(lambda v: f"0_{v}"),
             "sigstore-python reads numbers as Python, sigstore-js does not read this one"),
    Row(f"{PROOF}.hashes", "one less, one more, another order",
        lambda signed, place: (
            (str(number), changed)
            for number, edit in enumerate([lambda h: h[1:], lambda h: h[:-1], lambda h: [*h, h[0]],
                                           lambda h: h[::-1], lambda _: []])
            for _, changed in text(edit)(signed, place)
        )),
]  # fmt: skip

_CHECKPOINT = [
    Row(CHECKPOINT, "another origin", note(line(0, lambda v: f"{v}0"), line(0, lambda _: ""))),
    Row(CHECKPOINT, "another size", note(line(1, lambda v: str(int(v) + 1)), line(1, lambda _: "5"))),
    Row(CHECKPOINT, "another root", note(line(2, lambda _: b64(b"r" * 32)))),
    Row(CHECKPOINT, "a line more in what is signed", note(lambda v: [*v[:3], "more", *v[3:]])),
    Row(CHECKPOINT, "another key hint", note(signature_line(lambda n, h, s: (n, flip(0)(h), s)))),
    Row(CHECKPOINT, "another signature",
        note(*(signature_line(lambda n, h, s, at=at: (n, h, flip(at)(s))) for at in (0, 40, -1)))),
    accepted(CHECKPOINT, "its signature's other form",
             note(signature_line(lambda n, h, s: (n, h, other_form(s)))), _TRUE_SIGNATURE),
    Row(CHECKPOINT, "no signature", note(lambda v: v[:4], lambda v: [*v[:4], ""])),
    Row(CHECKPOINT, "another signer's name", note(signature_line(lambda n, h, s: (f"{n}x", h, s))),
        VALID, python=True, why="the name is not signed; sigstore-js wants it in the log's address"),
    accepted(CHECKPOINT, "a part of the signer's name",
             note(signature_line(lambda n, h, s: (n[:4], h, s))), "the name is not signed"),
    accepted(CHECKPOINT, "another's signature below",
             note(lambda v: [*v[:5], f"\u2014 witness {b64(b'wxyz' + b's' * 70)}", ""]),
             "witnesses may sign too; an unknown one counts for nothing"),
    accepted(CHECKPOINT, "another text below", note(lambda v: [*v[:5], "not a signature", ""]),
             "what is no signature is skipped"),
    lenient_js(CHECKPOINT, "no line feed at the end of a second signature",
               text(lambda v: f"{v}x"), "skips what does not end with one"),
]  # fmt: skip

_ENVELOPE = [
    Row("dsseEnvelope.payloadType", "another type", becomes("text/plain", "application/json")),
    Row(PAYLOAD, "any field", inner_json),
    Row(PAYLOAD, "spaced", respelled_json),
    Row("dsseEnvelope.signatures.0.sig", "its other form", data(other_form),
        why="the entry in the log holds the first form"),
    Row("dsseEnvelope.signatures", "twice", text(lambda v: [*v, *v])),
    Row("dsseEnvelope.signatures", "another one as well", text(lambda v: [*v, {"sig": b64(b"x")}])),
    accepted("dsseEnvelope.signatures.0", "a hint for the key",
             text(lambda v: {**v, "keyid": "a key"}), "hints are not signed (DSSE), nor used here"),
]  # fmt: skip


def _also(key: str, *values: object) -> Change:
    """Return a change that adds a key or replaces its value; sigstore-python writes empty lists."""
    return lambda signed, place: (
        (repr(value), put(signed.document, f"{place}.{key}", value))
        for value in values
        if get(signed.document, place).get(key) != value
    )


_MATERIAL = "verificationMaterial"
_MORE = [
    Row(f"{_MATERIAL}.tlogEntries", "twice", text(lambda v: [*v, *v])),
    accepted(_MATERIAL, "no timestamps",
             _also("timestampVerificationData", {}, {"rfc3161Timestamps": []}),
             "an empty list of them is none"),
    Row(_MATERIAL, "a timestamp that is none",
        _also("timestampVerificationData",
              {"rfc3161Timestamps": [{"signedTimestamp": b64(b"no time")}]})),
    *(lenient_js(place, "an unknown key", _also("neurocaas", 1), "ignores what it does not know")
      for place in (_MATERIAL, f"{_MATERIAL}.certificate", ENTRY, PROOF, f"{PROOF}.checkpoint",
                    "dsseEnvelope", "dsseEnvelope.signatures.0")),
    lenient_js("", "an unknown key", raw(lambda v: v[:-1] + b',"neurocaas":1}'),
               "ignores what it does not know"),
    Row("", "a duplicate key whose last value counts",
        raw(lambda v: v.replace(b'"dsseEnvelope":', b'"dsseEnvelope":{},"dsseEnvelope":', 1)),
        python=True, js=True,
        why="JSON parsers differ in which of them counts; ours refuses to choose"),
    Row("", "a duplicate key whose first value counts",
        raw(lambda v: v[:-1] + b',"dsseEnvelope":{}}')),
    Row("", "not JSON", raw(lambda v: v + b"x")),
    Row("", "cut off", raw(lambda v: v[:-1])),
    Row("", "in UTF-16", raw(lambda v: v.decode().encode("utf-16"))),
    Row("", "with a byte order mark", raw(lambda v: b"\xef\xbb\xbf" + v)),
    Row("", "not UTF-8", raw(lambda v: v.replace(b"sigstore", b"sigst\xffre", 1))),
    accepted("", "spaced", raw(lambda v: b"\n" + json.dumps(json.loads(v), indent=3).encode() + b"\n"),
             "white space means nothing in JSON"),
    accepted("", "keys in another order",
             raw(lambda v: json.dumps(dict(reversed(json.loads(v).items()))).encode()),
             "the order of keys means nothing in JSON"),
]  # fmt: skip

ROWS = [*_fields(), *_MEDIA, *_CERTIFICATE, *_ENTRY, *_PROOF, *_CHECKPOINT, *_ENVELOPE, *_MORE]
