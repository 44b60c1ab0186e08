"""An append-only log in a folder: every entry on the disk before anybody hears of it.

`leaves.jsonl` is the log, one entry a line. `state.json` is derived from it, so that adding an
entry does not mean reading all: the tree's frontier, how many bytes of the file it covers, and the
latest signed checkpoint. A killed process leaves an entry that nobody has heard of, which stays,
or half a line, which the next one removes.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from neurocaas_ci.errors import VerificationError
from neurocaas_ci.model.digest import canonical_json
from neurocaas_ci.signing import disk
from neurocaas_ci.signing.checkpoint import read_checkpoint, read_note
from neurocaas_ci.signing.envelope import LogEntry, b64
from neurocaas_ci.signing.log_check import (
    Evidence,
    LogProblem,
    LogReport,
    compare,
    evidence_of_bundle,
    evidence_of_checkpoint,
    read_line,
    write_line,
)
from neurocaas_ci.signing.log_signer import LogSigner
from neurocaas_ci.signing.merkle import Frontier, leaf_hash
from neurocaas_ci.stores.disk import atomic_write

LEAVES, _STATE, _LOCK = "leaves.jsonl", "state.json", "lock"
_OWN_MEMORY = "the log's own latest checkpoint"
_REMEDY = (
    "put the file back from a backup, or move the instance away to begin a new one; certificates"
    " that exist stay valid"
)


@dataclass(frozen=True, slots=True)
class _State:
    """The tree of the first `end` bytes of the leaves, and the checkpoint signed for it, if any."""

    tree: Frontier
    end: int
    checkpoint: str


_NOTHING = _State(Frontier(), 0, "")


def make_log(folder: Path) -> None:
    """Make the folder of an empty log; raise OSError."""
    folder.mkdir(mode=0o700)
    disk.write_new(folder / LEAVES, b"")
    disk.sync_folder(folder)


@dataclass(frozen=True, slots=True)
class TransparencyLog:
    """The log in a folder that `make_log` made; safe for several threads and processes at once."""

    folder: Path
    signer: LogSigner

    def append(self, body: bytes, time: int) -> LogEntry:
        """Add an entry with this Unix time, and return what proves that it is in the log.

        Raise VerificationError when entries have been lost, BackendUnavailableError when the log
        cannot be written.
        """
        with self._exclusive() as leaves:
            state = self._current(leaves)
            tree, entry = self.signer.acknowledge(state.tree, body, time)
            line = write_line(entry.index, time, body)
            self._write(leaves, line, state.end)
            self._remember(_State(tree, state.end + len(line), entry.checkpoint))
        return entry

    def checkpoint(self) -> str:
        """Return the latest checkpoint, signed; raise what `append` raises."""
        with self._exclusive() as leaves:
            state = self._current(leaves)
            if state.checkpoint:
                return state.checkpoint
            text = self.signer.checkpoint(state.tree)
            self._remember(_State(state.tree, state.end, text))
        return text

    def check(self, bundles: Mapping[str, bytes], checkpoints: Mapping[str, str]) -> LogReport:
        """Compute the trees of the entries again, and compare them with what was signed.

        `bundles` and `checkpoints` map where a document is kept to its content; the latest
        checkpoint that the log itself remembers is compared as well. Raise BackendUnavailableError
        when the log cannot be read.
        """
        with self._exclusive() as leaves:
            remembered = self._remembered().checkpoint
            end = os.fstat(leaves).st_size
        if remembered:
            checkpoints = {**checkpoints, _OWN_MEMORY: remembered}
        evidence, foreign, problems = self._evidence(bundles, checkpoints)
        try:
            with (self.folder / LEAVES).open("rb") as stream:
                tree, found = compare(_whole_lines(stream, end), evidence)
        except OSError as error:
            raise disk.unavailable(error, self.folder / LEAVES) from error
        return LogReport(
            size=tree.size,
            root=tree.root.hex(),
            compared=len(evidence),
            foreign=foreign,
            problems=(*problems, *found),
        )

    def _evidence(
        self, bundles: Mapping[str, bytes], checkpoints: Mapping[str, str]
    ) -> tuple[list[Evidence], int, list[LogProblem]]:
        """Return what this log signed, how much others signed, and what proves nothing."""
        readers = [
            (source, partial(evidence_of_bundle, self.signer, source, data))
            for source, data in bundles.items()
        ] + [
            (source, partial(evidence_of_checkpoint, self.signer, source, text))
            for source, text in checkpoints.items()
        ]
        found, problems = [], []
        for source, read in readers:
            try:
                found.append(read())
            except ValueError as error:
                problems.append(LogProblem("unproven", f"{source} proves nothing: {error}"))
        ours = [evidence for evidence in found if evidence is not None]
        return ours, len(found) - len(ours), problems

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[int]:
        """Keep everybody else out, and yield a descriptor of the leaves."""
        flags = os.O_RDWR | os.O_CLOEXEC
        with contextlib.ExitStack() as stack:
            try:
                lock = os.open(self.folder / _LOCK, flags | os.O_CREAT, 0o600)
                stack.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_EX)
                leaves = os.open(self.folder / LEAVES, flags)
                stack.callback(os.close, leaves)
            except FileNotFoundError as error:
                raise self._lost() from error
            except OSError as error:
                raise disk.unavailable(error, self.folder) from error
            yield leaves

    def _current(self, leaves: int) -> _State:
        """Return the state of all whole lines; half a line at the end is removed."""
        try:
            return self._caught_up(leaves, self._remembered())
        except OSError as error:
            raise disk.unavailable(error, self.folder) from error

    def _caught_up(self, leaves: int, state: _State) -> _State:
        size = os.fstat(leaves).st_size
        if state.end > size or (state.end and os.pread(leaves, 1, state.end - 1) != b"\n"):
            raise self._lost()
        tree, end = state.tree, state.end
        with open(leaves, "rb", closefd=False) as stream:
            stream.seek(end)
            for line in stream:
                found = read_line(line)
                if found is None and end + len(line) == size:
                    os.ftruncate(leaves, end)
                    break
                if found is None or found[0] != tree.size:
                    raise self._damaged(tree.size)
                tree, end = tree.add(leaf_hash(found[1])), end + len(line)
        return state if end == state.end else _State(tree, end, "")

    def _remembered(self) -> _State:
        """Return the state as written last; one that does not fit together counts for nothing."""
        path = self.folder / _STATE
        try:
            document = json.loads(path.read_bytes())
            peaks = tuple(base64.b64decode(peak, validate=True) for peak in document["peaks"])
            state = _State(
                Frontier(document["size"], peaks), document["end"], document["checkpoint"]
            )
            checkpoint = read_checkpoint(read_note(state.checkpoint).text)
        except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
            return _NOTHING
        except OSError as error:
            raise disk.unavailable(error, path) from error
        fits = (checkpoint.size, checkpoint.root) == (state.tree.size, state.tree.root)
        return state if fits and type(state.end) is int and state.end >= 0 else _NOTHING

    def _write(self, leaves: int, line: bytes, at: int) -> None:
        """Put a line at the end of the leaves and onto the disk, or leave them as they were."""
        try:
            done = 0
            while done < len(line):
                done += os.pwrite(leaves, line[done:], at + done)
            os.fsync(leaves)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(leaves, at)
            raise disk.unavailable(error, self.folder / LEAVES) from error

    def _remember(self, state: _State) -> None:
        document = {
            "size": state.tree.size,
            "peaks": [b64(peak) for peak in state.tree.peaks],
            "end": state.end,
            "checkpoint": state.checkpoint,
        }
        atomic_write(self.folder / _STATE, canonical_json(document))

    def _lost(self) -> VerificationError:
        return VerificationError(
            "the log of the local signing instance has lost entries that were signed",
            where=str(self.folder / LEAVES),
            hint=_REMEDY,
        )

    def _damaged(self, index: int) -> VerificationError:
        return VerificationError(
            f"entry {index} of the log of the local signing instance is missing or altered",
            where=f"{self.folder / LEAVES}:{index + 1}",
            hint=_REMEDY,
        )


def _whole_lines(stream: BinaryIO, end: int) -> Iterator[bytes]:
    """Yield the lines before byte `end`; half a line there was never acknowledged."""
    for line in stream:
        end -= len(line)
        if end < 0 or not line.endswith(b"\n"):
            return
        yield line
