"""Certificates and trusted roots with one flaw each, made by who holds an instance's keys.

`ours` lists the checks of `neurocaas verify` that fail; `why` explains where the other two verifiers
see less or more than ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from certify_facts import ORIGIN, make_facts, make_record
from hostile_notary import Notary, Wish, facts_of, merged
from interop_verifiers import Asked
from signed_results import REF, body_of, renewed

from neurocaas_ci.certify.statement import make_statement
from neurocaas_ci.signing import keys
from neurocaas_ci.signing.checkpoint import sign_note
from neurocaas_ci.signing.fulcio_profile import LIFETIME_SECONDS
from neurocaas_ci.signing.identities import GITHUB_ISSUER, LOCAL_IDENTITY, LOCAL_ISSUER
from neurocaas_ci.signing.interface import Origin
from neurocaas_ci.signing.local_sigstore import LocalSigstore


class Setting:
    """Two instances, what their keys can do, and a few certificates of the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.local = LocalSigstore.open(folder / "one")
        self.other = LocalSigstore.open(folder / "two")
        self.notary, self.stranger = Notary.of_local(self.local), Notary.of_local(self.other)
        self.root = json.loads(self.local.trusted_root.read_text())
        self.other_root = json.loads(self.other.trusted_root.read_text())
        self.bundles: list[bytes] = []
        self.checkpoints = [self.local.checkpoint()]
        for _ in range(5):
            self.bundles.append(self.honest(self.local))
            self.checkpoints.append(self.local.checkpoint())
        self.bodies = [body_of(bundle) for bundle in self.bundles]

    def origin(self) -> Origin:
        return self.local.origin(ORIGIN.repository, REF, ORIGIN.commit)

    def honest(self, local: LocalSigstore) -> bytes:
        origin = self.origin()
        return local.sign(statement(origin), origin)

    def signed(
        self, notary: Notary | None = None, says: Origin | None = None, **wish: Any
    ) -> bytes:
        """Return what the keys sign; `says` is the statement's origin, `facts` change the certificate's."""
        origin = self.origin()
        facts = {**facts_of(origin), **wish.pop("facts", {})}
        facts = {number: value for number, value in facts.items() if value is not None}
        said = origin._replace(**says) if isinstance(says, dict) else says or origin
        return (notary or self.notary).sign(statement(said), Wish(facts, **wish))

    def proven(self, index: int, size: int, checkpoint: str | None = None) -> dict[str, Any]:
        document = json.loads(self.bundles[index])
        return renewed(document, self.bodies[:size], checkpoint or self.checkpoints[size])

    def write_root(self, document: dict[str, Any]) -> Path:
        number = len(list(self.folder.glob("*.json")))
        path = self.folder / f"root-{number}.json"
        path.write_text(json.dumps(document))
        return path

    def asked(self, bundle: bytes | dict[str, Any], root: dict[str, Any] | None = None) -> Asked:
        data = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
        path = self.local.trusted_root if root is None else self.write_root(root)
        return Asked(data, path, LOCAL_IDENTITY, LOCAL_ISSUER)


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[Setting], Asked]
    ours: tuple[str, ...] = ("signature",)
    python: bool = False
    js: bool = False
    why: str = ""


def statement(origin: Origin) -> bytes:
    return make_statement(make_facts(make_record()), origin)


def _edited(document: dict[str, Any], *path: str | int, value: Any) -> dict[str, Any]:
    document = json.loads(json.dumps(document))
    *above, last = path
    place = document
    for key in above:
        place = place[key]
    place[last] = value
    return document


_PROOF = ("verificationMaterial", "tlogEntries", 0, "inclusionProof")
_PAST = {"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"}


def _with_checkpoint(s: Setting, text: str) -> dict[str, Any]:
    return _edited(s.proven(2, 5), *_PROOF, "checkpoint", value={"envelope": text})


def _signed_by(s: Setting, signer: keys.Key, hint: bytes) -> str:
    """Return the checkpoint that the log did sign, with another signature below it."""
    note, _, _ = s.checkpoints[5].partition("\n\n")
    text = f"{note}\n"
    return sign_note(text, "local.neurocaas.invalid", hint, signer.sign(text.encode()))


def _entry_of(s: Setting, bundle: bytes, *fields: str) -> dict[str, Any]:
    """Return a bundle with parts of the verification material of another."""
    document, other = json.loads(s.bundles[4]), json.loads(bundle)
    for field in fields:
        document["verificationMaterial"][field] = other["verificationMaterial"][field]
    return document


def _twice(s: Setting) -> dict[str, Any]:
    """Return a statement's bundle with the log entry of its other signature."""
    origin = s.origin()
    one, two = (json.loads(s.local.sign(statement(origin), origin)) for _ in range(2))
    one["verificationMaterial"]["tlogEntries"] = two["verificationMaterial"]["tlogEntries"]
    return one


_OTHER_KEY = keys.generate("P-256")

ROOTS = [
    Case("a good one", lambda s: s.asked(s.bundles[0]), (), True, True),
    Case("by the notary of these tests", lambda s: s.asked(s.signed()), (), True, True),
    Case("the root of another instance", lambda s: s.asked(s.bundles[0], s.other_root)),
    Case("a bundle of another instance", lambda s: s.asked(s.honest(s.other))),
    Case("two roots merged", lambda s: s.asked(s.bundles[0], merged(s.root, s.other_root)),
         (), True, True),
    Case("two roots merged, the other one first",
         lambda s: s.asked(s.bundles[0], merged(s.other_root, s.root)), (), True, True),
    Case("a root whose log key had expired",
         lambda s: s.asked(s.bundles[0],
                           _edited(s.root, "tlogs", 0, "publicKey", "validFor", value=_PAST)),
         (), True, False, why="sigstore-python does not look at the dates of log keys"),
    Case("a root whose certificate log key had expired",
         lambda s: s.asked(s.bundles[0],
                           _edited(s.root, "ctlogs", 0, "publicKey", "validFor", value=_PAST)),
         (), True, False, why="sigstore-python does not look at the dates of log keys"),
    Case("a root whose authority had expired",
         lambda s: s.asked(s.bundles[0],
                           _edited(s.root, "certificateAuthorities", 0, "validFor", value=_PAST)),
         (), True, False, why="sigstore-python takes the dates of the certificates alone"),
    Case("a root without the intermediate authority",
         lambda s: s.asked(s.bundles[0],
                           _edited(s.root, "certificateAuthorities", 0, "certChain", "certificates",
                                   value=[_chain(s)[1]]))),
    Case("a root with the intermediate authority alone",
         lambda s: s.asked(s.bundles[0],
                           _edited(s.root, "certificateAuthorities", 0, "certChain", "certificates",
                                   value=[_chain(s)[0]])),
         (), True, False, why="sigstore-js wants a chain that ends with a self-signed one"),
    Case("a root with another log",
         lambda s: s.asked(s.bundles[0], {**s.root, "tlogs": s.other_root["tlogs"]})),
    Case("a root with another certificate log",
         lambda s: s.asked(s.bundles[0], {**s.root, "ctlogs": s.other_root["ctlogs"]})),
]  # fmt: skip

CERTIFICATES = [
    Case("logged when it began", lambda s: s.asked(s.signed(late=0)), (), True, True),
    Case("logged in its last second", lambda s: s.asked(s.signed(late=LIFETIME_SECONDS)),
         (), True, True),
    Case("logged a second after its end", lambda s: s.asked(s.signed(late=LIFETIME_SECONDS + 1))),
    Case("logged a second before it began", lambda s: s.asked(s.signed(late=-1))),
    Case("logged a year later", lambda s: s.asked(s.signed(late=365 * 86_400))),
    Case("issued by another authority", lambda s: s.asked(
        s.signed(replace(s.notary, chain=s.stranger.chain, ca=s.stranger.ca)))),
    Case("issued in the name of the authority", lambda s: s.asked(
        s.signed(replace(s.notary, ca=s.stranger.ca)))),
    Case("logged by another log", lambda s: s.asked(s.signed(replace(s.notary, log=s.stranger.log)))),
    Case("no promise", lambda s: s.asked(s.signed(without=frozenset({"promise"})))),
    Case("a promise of another certificate log",
         lambda s: s.asked(s.signed(promise=s.stranger.promise))),
    Case("a promise of another certificate log in the name of this one",
         lambda s: s.asked(s.signed(promise=lambda data, start: (
             s.stranger.promise(data, start).replace(keys.key_id(s.stranger.ct_log.public),
                                                     keys.key_id(s.notary.ct_log.public)))))),
    Case("a promise for another certificate",
         lambda s: s.asked(s.signed(promise=lambda data, start: (
             s.notary.promise(data[:-1] + b"x", start))))),
    Case("a promise for another second",
         lambda s: s.asked(s.signed(promise=lambda data, start: (
             _later(s.notary.promise(data, start)))))),
    Case("an empty list of promises", lambda s: s.asked(s.signed(promise=lambda *_: b"\0\0"))),
    Case("not for signing code", lambda s: s.asked(s.signed(without=frozenset({"usage"}))),
         js=True, why="sigstore-js does not ask what a certificate is for"),
    Case("without key identifiers", lambda s: s.asked(s.signed(without=frozenset({"keys"}))),
         js=True, why="sigstore-js finds the authority by its name as well"),
]  # fmt: skip

LOGS = [
    Case("proven in a later tree", lambda s: s.asked(s.proven(2, 5)), (), True, True),
    Case("a checkpoint of another log",
         lambda s: s.asked(_with_checkpoint(s, s.other.checkpoint()))),
    Case("a checkpoint signed by a stranger",
         lambda s: s.asked(_with_checkpoint(s, _signed_by(s, _OTHER_KEY, b"abcd")))),
    Case("a checkpoint signed by a stranger in the log's name",
         lambda s: s.asked(_with_checkpoint(
             s, _signed_by(s, _OTHER_KEY, keys.key_id(s.notary.log.signer.key.public))))),
    Case("an older checkpoint with the entry", lambda s: s.asked(_with_checkpoint(s, s.checkpoints[4]))),
    Case("an older checkpoint without the entry",
         lambda s: s.asked(_with_checkpoint(s, s.checkpoints[2]))),
    Case("a checkpoint of the empty log", lambda s: s.asked(_with_checkpoint(s, s.checkpoints[0]))),
    Case("an older proof with a newer checkpoint", lambda s: s.asked(s.proven(2, 4, s.checkpoints[5]))),
    Case("a proof for another entry", lambda s: s.asked(
        _edited(s.proven(2, 5), *_PROOF, value=s.proven(3, 5)["verificationMaterial"]["tlogEntries"][0][
            "inclusionProof"]))),
    Case("the log entry of another bundle",
         lambda s: s.asked(_entry_of(s, s.bundles[1], "tlogEntries"))),
    Case("the log entry of another signature of the same statement", lambda s: s.asked(_twice(s))),
    Case("certificate and log entry of another bundle",
         lambda s: s.asked(_entry_of(s, s.bundles[1], "certificate", "tlogEntries"))),
    Case("the certificate of another bundle",
         lambda s: s.asked(_entry_of(s, s.bundles[1], "certificate"))),
    Case("the log entry of another instance",
         lambda s: s.asked(_entry_of(s, s.honest(s.other), "tlogEntries"))),
    Case("no proof", lambda s: s.asked(_without(s.bundles[0], "inclusionProof"))),
    Case("no promise of the log", lambda s: s.asked(_without(s.bundles[0], "inclusionPromise"))),
]  # fmt: skip

_UNSEEN = "the other two are asked for name and issuer only"

SIGNERS = [
    Case("another name", lambda s: s.asked(s.signed(identity=f"{LOCAL_IDENTITY}2")), ("identity",)),
    Case("the same name in capitals", lambda s: s.asked(s.signed(identity=LOCAL_IDENTITY.upper())),
         ("identity",)),
    Case("another issuer", lambda s: s.asked(s.signed(facts={1: "https://x.org", 8: "https://x.org"})),
         ("identity",)),
    Case("no issuer", lambda s: s.asked(s.signed(facts={1: None, 8: None})), ("identity",)),
    Case("another issuer in the older extension", lambda s: s.asked(s.signed(facts={1: "https://x.org"})),
         (), js=True, why="`Identity(issuer=)` of sigstore-python reads the older extension alone"),
    Case("GitHub's issuer", lambda s: s.asked(s.signed(facts={1: GITHUB_ISSUER, 8: GITHUB_ISSUER})),
         ("identity",)),
    Case("another kind of runner", lambda s: s.asked(s.signed(facts={11: "github-hosted"})),
         ("identity", "origin"), True, True, _UNSEEN),
    Case("no kind of runner", lambda s: s.asked(s.signed(facts={11: None})),
         ("identity", "origin"), True, True, _UNSEEN),
    *(Case(f"{what} of another certificate", lambda s, n=number, v=value: s.asked(
        s.signed(facts={n: v})), ("origin",), True, True, _UNSEEN)
      for what, number, value in [
          ("the repository", 12, "https://example.org/other"), ("the commit", 13, "d" * 40),
          ("the ref", 14, "refs/heads/other"), ("the invocation", 21, "urn:uuid:other"),
          ("no repository", 12, None), ("no commit", 13, None), ("no ref", 14, None),
          ("no invocation", 21, None)]),
    *(Case(f"a statement that names another {what}: {value}", lambda s, w=what, v=value: s.asked(
        s.signed(says={w: v})), ("origin",), True, True, _UNSEEN)
      for what, value in [
          ("repository", "https://example.org/other"), ("repository", f"{ORIGIN.repository}/"),
          ("commit", "d" * 40), ("ref", "refs/heads/other"), ("invocation", "urn:uuid:other"),
          ("mode", "github-hosted"), ("mode", "self-hosted"), ("mode", "other")]),
    Case("a payload that is no statement by its type",
         lambda s: s.asked(s.signed(payload_type="application/json")), js=True,
         why="sigstore-js leaves the type of the payload to its caller"),
]  # fmt: skip

CASES = {"root": ROOTS, "certificate": CERTIFICATES, "log": LOGS, "signer": SIGNERS}


def _chain(s: Setting) -> list[dict[str, str]]:
    (authority,) = s.root["certificateAuthorities"]
    return authority["certChain"]["certificates"]


def _later(promises: bytes) -> bytes:
    """Change the time in a list of one promise: after two lengths, version and log id."""
    changed = bytearray(promises)
    changed[4 + 1 + 32 + 6] ^= 1
    return bytes(changed)


def _without(bundle: bytes, field: str) -> dict[str, Any]:
    document = json.loads(bundle)
    del document["verificationMaterial"]["tlogEntries"][0][field]
    return document
