"""Compare a log's entries with checkpoints and bundles that were kept elsewhere; no I/O here.

A log on one's own disk convinces only those who remember an earlier state of it. Whatever they
remember is evidence: a signed tree size with its root, and perhaps one entry of that tree.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from neurocaas_ci.model.digest import canonical_json
from neurocaas_ci.signing.envelope import b64
from neurocaas_ci.signing.log_signer import LogSigner
from neurocaas_ci.signing.merkle import Frontier, leaf_hash, root_through

ProblemKind = Literal["missing", "altered", "unproven"]


@dataclass(frozen=True, slots=True)
class LogProblem:
    """Why the log cannot be relied on; `first` to `last` are the entries in question.

    An `unproven` problem is one of the evidence, which concerns no entry.
    """

    kind: ProblemKind
    message: str
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class LogReport:
    """A log of `size` readable entries with this `root` (hexadecimal), and what is wrong with it.

    `compared` counts the evidence that this log signed, `foreign` what other logs signed.
    """

    size: int
    root: str
    compared: int
    foreign: int
    problems: tuple[LogProblem, ...]

    @property
    def consistent(self) -> bool:
        """Tell whether everything agrees with the entries."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Evidence:
    """A tree that the log once signed, and the hash of one leaf of it where that is known."""

    source: str
    size: int
    root: bytes
    index: int | None = None
    leaf: bytes | None = None


def write_line(index: int, time: int, body: bytes) -> bytes:
    """Return an entry as one line of the log's file."""
    return canonical_json({"body": b64(body), "index": index, "integratedTime": time}) + b"\n"


def read_line(line: bytes) -> tuple[int, bytes] | None:
    """Return the index and the body of an entry, or None when the line is not a whole one."""
    if not line.endswith(b"\n"):
        return None
    try:
        entry = json.loads(line)
        index, body = entry["index"], base64.b64decode(entry["body"], validate=True)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return (index, body) if type(index) is int else None


def evidence_of_checkpoint(signer: LogSigner, source: str, text: str) -> Evidence | None:
    """Return what a signed checkpoint says, None when another log signed it; raise ValueError."""
    checkpoint = signer.accept(text)
    return None if checkpoint is None else Evidence(source, checkpoint.size, checkpoint.root)


def evidence_of_bundle(signer: LogSigner, source: str, data: bytes) -> Evidence | None:
    """Return what a bundle's log entry says, None when another log made it; raise ValueError."""
    try:
        (entry,) = json.loads(data)["verificationMaterial"]["tlogEntries"]
        return _evidence_of_entry(signer, source, entry)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not a bundle with one log entry") from error


def _evidence_of_entry(signer: LogSigner, source: str, entry: Any) -> Evidence | None:
    proof = entry["inclusionProof"]
    checkpoint = signer.accept(proof["checkpoint"]["envelope"])
    if checkpoint is None:
        return None
    leaf = leaf_hash(base64.b64decode(entry["canonicalizedBody"], validate=True))
    # Protobuf JSON leaves out zeros and empty lists.
    index = int(proof.get("logIndex", 0))
    path = [base64.b64decode(node, validate=True) for node in proof.get("hashes", [])]
    if root_through(leaf, index, checkpoint.size, path) != checkpoint.root:
        raise ValueError("the inclusion proof does not lead to the root of its checkpoint")
    return Evidence(source, checkpoint.size, checkpoint.root, index, leaf)


def compare(
    lines: Iterable[bytes], evidence: Sequence[Evidence]
) -> tuple[Frontier, list[LogProblem]]:
    """Return the tree of the log's lines, and where it contradicts the evidence."""
    sizes, indices = {item.size for item in evidence}, {item.index for item in evidence}
    tree = Frontier()
    roots, leaves = {0: tree.root}, {}
    damage: list[LogProblem] = []
    for line in lines:
        found = read_line(line)
        if found is None or found[0] != tree.size:
            damage.append(_damaged(tree.size, found))
            break
        leaf = leaf_hash(found[1])
        if tree.size in indices:
            leaves[tree.size] = leaf
        tree = tree.add(leaf)
        if tree.size in sizes:
            roots[tree.size] = tree.root
    # What lies behind a damaged line cannot be compared, and need not be.
    known = sorted(
        (item for item in evidence if item.size <= tree.size or not damage),
        key=lambda item: item.size,
    )
    return tree, damage + _altered(known, roots, leaves) + _missing(known, tree.size)


def _damaged(index: int, found: tuple[int, bytes] | None) -> LogProblem:
    if found is not None and found[0] > index:
        last = found[0] - 1
        return LogProblem("missing", f"{_entries(index, last)} missing", index, last)
    return LogProblem("altered", f"{_entries(index, index)} not readable", index, index)


def _altered(
    known: Sequence[Evidence], roots: dict[int, bytes], leaves: dict[int, bytes]
) -> list[LogProblem]:
    """Name altered entries: those that bundles hold, and the range where the trees part."""
    exact = {
        item.index: LogProblem(
            "altered",
            f"{_entries(item.index, item.index)} not the one in {item.source}",
            item.index,
            item.index,
        )
        for item in known
        if item.index is not None and item.index in leaves and leaves[item.index] != item.leaf
    }
    problems = [exact[index] for index in sorted(exact)]
    agreed = 0
    for item in known:
        if item.size not in roots:
            break
        if roots[item.size] == item.root:
            agreed = item.size
        elif not any(index < item.size for index in exact):
            last = item.size - 1
            # Two trees of one size that the log signed have no entry in between.
            first = min(agreed, last)
            message = f"{_entries(first, last)} not what {item.source} was signed for"
            return [LogProblem("altered", message, first, last), *problems]
    return problems


def _missing(known: Sequence[Evidence], size: int) -> list[LogProblem]:
    longest = max(known, key=lambda item: item.size, default=None)
    if longest is None or longest.size <= size:
        return []
    last = longest.size - 1
    message = f"{_entries(size, last)} missing: {longest.source} was signed for {longest.size}"
    return [LogProblem("missing", message, size, last)]


def _entries(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"
