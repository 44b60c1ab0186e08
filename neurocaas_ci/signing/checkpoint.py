"""Checkpoints of a log as signed notes; I/O is not handled here.

Formats: https://c2sp.org/tlog-checkpoint and https://c2sp.org/signed-note, with the key hint that
Rekor uses (the first four bytes of the log's id).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

_SIGNATURE = re.compile(r"\u2014 \S+ ([A-Za-z0-9+/]+={0,2})\n")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_HINT_BYTES = 4
_ROOT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log commits itself to: so many entries, and the root hash of their tree."""

    origin: str
    size: int
    root: bytes

    def note(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the signatures under it, each with its key hint."""

    text: str
    signatures: tuple[tuple[bytes, bytes], ...]

    def by(self, log_id: bytes) -> tuple[bytes, ...]:
        """Return the signatures that claim to be by the log with this id."""
        return tuple(sig for hint, sig in self.signatures if hint == log_id[:_HINT_BYTES])


def sign_note(text: str, name: str, log_id: bytes, signature: bytes) -> str:
    """Return a text with one signature under it."""
    signed = base64.b64encode(log_id[:_HINT_BYTES] + signature).decode()
    return f"{text}\n\u2014 {name} {signed}\n"


def read_note(text: str) -> Note:
    """Take a signed note apart; raise ValueError when it is not one."""
    body, blank, block = text.partition("\n\n")
    if not blank or not block or _SIGNATURE.sub("", block):
        raise ValueError("not a signed note")
    signed = [base64.b64decode(found, validate=True) for found in _SIGNATURE.findall(block)]
    return Note(f"{body}\n", tuple((raw[:_HINT_BYTES], raw[_HINT_BYTES:]) for raw in signed))


def read_checkpoint(text: str) -> Checkpoint:
    """Read the text of a note; raise ValueError when it is not a checkpoint."""
    lines = text.split("\n")
    if len(lines) < 4 or not lines[0] or not _SIZE.fullmatch(lines[1]):  # noqa: PLR2004 - three lines and an end
        raise ValueError("not a checkpoint")
    root = base64.b64decode(lines[2], validate=True)
    if len(root) != _ROOT_BYTES:
        raise ValueError("the root hash of a checkpoint is not a SHA-256 digest")
    return Checkpoint(lines[0], int(lines[1]), root)
