"""What a transparency log signs: entries and checkpoints; I/O is not handled here."""

from __future__ import annotations

from dataclasses import dataclass

from neurocaas_ci.signing import keys
from neurocaas_ci.signing.checkpoint import (
    Checkpoint,
    read_checkpoint,
    read_note,
    sign_note,
)
from neurocaas_ci.signing.envelope import LogEntry, promise_payload
from neurocaas_ci.signing.merkle import Frontier, leaf_hash


@dataclass(frozen=True, slots=True)
class LogSigner:
    """The voice of one log: its key, and the host name under which it signs."""

    name: str
    key: keys.Key

    @property
    def id(self) -> bytes:
        """Return the log's id."""
        return keys.key_id(self.key.public)

    def checkpoint(self, tree: Frontier) -> str:
        """Return a signed checkpoint of a tree."""
        # As Rekor does, the origin tells apart trees that share a host.
        origin = f"{self.name} - {int.from_bytes(self.id[:6], 'big')}"
        text = Checkpoint(origin, tree.size, tree.root).note()
        return sign_note(text, self.name, self.id, self.key.sign(text.encode()))

    def acknowledge(self, before: Frontier, body: bytes, time: int) -> tuple[Frontier, LogEntry]:
        """Return the tree with one more entry, and the signed proof that the entry is in it."""
        after = before.add(leaf_hash(body))
        promise = self.key.sign(promise_payload(self.id, before.size, time, body))
        entry = LogEntry(
            log_id=self.id,
            index=before.size,
            size=after.size,
            time=time,
            body=body,
            path=before.path_of_next,
            root=after.root,
            promise=promise,
            checkpoint=self.checkpoint(after),
        )
        return after, entry

    def accept(self, text: str) -> Checkpoint | None:
        """Return a checkpoint of this log, or None when it is another log's.

        Raise ValueError when it claims to be this log's and is not, or is no checkpoint at all.
        """
        note = read_note(text)
        claims = note.by(self.id)
        if not claims:
            return None
        data = note.text.encode()
        if not any(keys.is_signed(self.key.public, signature, data) for signature in claims):
            raise ValueError("the checkpoint's signature is not by this log")
        return read_checkpoint(note.text)
