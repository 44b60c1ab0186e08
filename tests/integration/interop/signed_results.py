"""Results of a job in a folder, and certificates for them from both signers and their logs."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from certify_facts import ORIGIN, make_facts, make_record
from interop_verifiers import Asked
from sigstore_instance import COMMIT, REPOSITORY, WORKFLOW
from sigstore_server import running

from neurocaas_ci.certify.statement import CertifiedRun, JobFacts, make_statement
from neurocaas_ci.model.run import LogFile, OutputFile
from neurocaas_ci.signing.identities import GITHUB, GITHUB_ISSUER, LOCAL_IDENTITY, LOCAL_ISSUER
from neurocaas_ci.signing.interface import Signer
from neurocaas_ci.signing.local_sigstore import LocalSigstore
from neurocaas_ci.signing.merkle import Frontier, leaf_hash
from neurocaas_ci.signing.sigstore_keyless import KeylessSigner

Document = dict[str, Any]

REF = "refs/heads/main"
ENTRY, SIZE = 4, 7
"""The log entry of the bundle that tests work with, and the size of the tree that it is proven in.

Its audit path goes left and right, and its three hashes would also do for a leaf of other trees.
"""

SUBJECTS = {
    "001-smooth/smoothed.npz": b"\x00smoothed",
    "001-smooth/sub/f.csv": b"1,2\n",
    "002-smooth/smoothed.npz": b"\x01smoothed",
}
BYPRODUCTS = {
    "job-record.json": b"{}",
    "records/001-smooth.json": b"[1]",
    "records/002-smooth.json": b"[2]",
    "logs/001-smooth.log": b"one\n",
    "logs/002-smooth.log": b"two\n",
}
PARAMETERS = {"em_iterations": 50, "noise": "diagonal", "restart": True}


@dataclass(frozen=True)
class Signed:
    """A certificate of results, what to ask about it, and another one of the same log.

    `other` is proven in an earlier tree; `fresh` are all bundles as they were signed.
    """

    asked: Asked
    other: bytes
    statement: bytes
    results: Path
    fresh: tuple[bytes, ...]

    @property
    def document(self) -> Document:
        return json.loads(self.asked.bundle)


def lay_out(folder: Path) -> JobFacts:
    """Write the results of a job of two runs as `fetch` does, and return the facts about them."""
    for name, content in {**SUBJECTS, **BYPRODUCTS}.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    (folder / "parameters.yaml").write_text(json.dumps(PARAMETERS))
    (folder / "README.md").write_text("What lies here.\n")
    runs = []
    for run in ("001-smooth", "002-smooth"):
        outputs = tuple(
            OutputFile(name.removeprefix(f"{run}/"), _digest(content), len(content))
            for name, content in SUBJECTS.items()
            if name.startswith(run)
        )
        log = BYPRODUCTS[f"logs/{run}.log"]
        record = make_record(run, outputs=outputs, log=LogFile(_digest(log), len(log)))
        runs.append(CertifiedRun(record, _digest(BYPRODUCTS[f"records/{run}.json"]), 0.25))
    record = _digest(BYPRODUCTS["job-record.json"])
    return make_facts(runs=tuple(runs), record=record, parameters=PARAMETERS)


def signed_locally(folder: Path) -> Signed:
    local = LocalSigstore.open(folder / "signing")
    asked = Asked(b"", local.trusted_root, LOCAL_IDENTITY, LOCAL_ISSUER)
    return _signed(folder, local, asked, local.checkpoint)


def signed_keyless(folder: Path) -> Signed:
    """Sign as a workflow on GitHub does: the real client, and HTTP to services of our own."""
    with running(folder / "instance") as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        identity = f"{GITHUB}/{WORKFLOW}"
        asked = Asked(b"", server.trusted_root, identity, GITHUB_ISSUER, REPOSITORY)
        return _signed(folder, KeylessSigner(server.trust_config), asked, server.log.checkpoint)


def renewed(document: Document, bodies: Sequence[bytes], checkpoint: str) -> Document:
    """Return a bundle with a proof for a later tree, as its log would give it now."""
    document = json.loads(json.dumps(document))
    (entry,) = document["verificationMaterial"]["tlogEntries"]
    leaves = [leaf_hash(body) for body in bodies]
    path = _audit_path(int(entry["inclusionProof"]["logIndex"]), leaves)
    entry["inclusionProof"] |= {
        "rootHash": b64(_root(leaves)),
        "treeSize": str(len(leaves)),
        "hashes": [b64(node) for node in path],
        "checkpoint": {"envelope": checkpoint},
    }
    return document


def body_of(bundle: bytes | Document) -> bytes:
    """Return the log entry of a bundle."""
    document = bundle if isinstance(bundle, dict) else json.loads(bundle)
    (entry,) = document["verificationMaterial"]["tlogEntries"]
    return base64.b64decode(entry["canonicalizedBody"])


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _signed(folder: Path, signer: Signer, asked: Asked, checkpoint: Callable[[], str]) -> Signed:
    results = folder / "results"
    facts = lay_out(results)
    git = (ORIGIN.repository, REF, ORIGIN.commit) if not asked.repository else None
    statements, bundles, checkpoints = [], [], {}
    for size in range(1, SIZE + 1):
        origin = signer.origin(*(git or (REPOSITORY, REF, COMMIT)))
        # Two jobs never took equally long, so no two certificates say the same.
        statements.append(make_statement(replace(facts, wall_s=1.5 + size), origin))
        bundles.append(signer.sign(statements[-1], origin))
        checkpoints[size] = checkpoint()
    bodies = [body_of(bundle) for bundle in bundles]

    def proven(index: int, size: int) -> bytes:
        document = renewed(json.loads(bundles[index]), bodies[:size], checkpoints[size])
        return json.dumps(document).encode()

    asked = asked.about(proven(ENTRY, SIZE))
    (results / "certificate.sigstore.json").write_bytes(asked.bundle)
    return Signed(asked, proven(1, 5), statements[ENTRY], results, tuple(bundles))


def _audit_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the audit path of a leaf (RFC 6962, section 2.1.1)."""
    if len(leaves) == 1:
        return []
    left = 1 << (len(leaves) - 1).bit_length() - 1
    if index < left:
        return [*_audit_path(index, leaves[:left]), _root(leaves[left:])]
    return [*_audit_path(index - left, leaves[left:]), _root(leaves[:left])]


def _root(leaves: Sequence[bytes]) -> bytes:
    tree = Frontier()
    for leaf in leaves:
        tree = tree.add(leaf)
    return tree.root


def _digest(content: bytes):
    return hashlib.sha256(content).hexdigest()
