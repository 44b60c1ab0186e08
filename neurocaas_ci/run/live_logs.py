"""Logs of runs that are under way: written on the worker's disk, and seen wherever the state is."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.stores.interface import Claim

if TYPE_CHECKING:
    from neurocaas_ci.stores.directory import DirectoryState
    from neurocaas_ci.stores.s3_state import S3State

BEAT_SECONDS = 5.0
# A log is sent whole: a longer one less often, so that it takes a bounded part of the network.
_BYTES_PER_SECOND = 1_000_000


class LiveLogs(Protocol):
    """Where a run's log is while it grows, by its state key."""

    def path(self, key: str) -> Path:
        """Return the file on this machine that the run writes to."""
        ...

    def share(self, key: str, claim: Claim) -> contextlib.AbstractContextManager[None]:
        """Let others see the file as it grows; it is theirs no more when this ends well."""
        ...

    def open(self, key: str) -> BinaryIO | None:
        """Return what is known of the log now, of whatever machine; None when there is none."""
        ...

    def forget(self, key: str) -> None:
        """Remove what is known of the log, if there is any."""
        ...


class FolderLogs:
    """Logs in the folder of the state itself: whoever sees the one sees the other."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    def path(self, key: str) -> Path:
        """Return the file on this machine that the run writes to."""
        return self._state.path(key)

    def share(self, key: str, claim: Claim) -> contextlib.AbstractContextManager[None]:  # noqa: ARG002 - nothing to do
        """Do nothing: the file is where others look."""
        return contextlib.nullcontext()

    def open(self, key: str) -> BinaryIO | None:
        """Return the file as it is, or None."""
        try:
            return self._state.path(key).open("rb")
        except OSError:
            return None

    def forget(self, key: str) -> None:
        """Remove the file, if it is there."""
        self._state.path(key).unlink(missing_ok=True)


class UploadedLogs:
    """Logs in a folder of this machine, sent to the state every few seconds."""

    def __init__(self, folder: Path, state: S3State, *, beat_s: float = BEAT_SECONDS) -> None:
        self._folder, self._state, self._beat_s = folder, state, beat_s

    def path(self, key: str) -> Path:
        """Return the file on this machine that the run writes to."""
        return self._folder / key

    @contextlib.contextmanager
    def share(self, key: str, claim: Claim) -> Iterator[None]:
        """Send the file now and whenever it has grown; remove what was sent when this ends well.

        A worker that has lost its claim sends and removes nothing. A store that cannot be reached
        delays what others see, and nothing else.
        """
        ended = threading.Event()
        thread = threading.Thread(
            target=self._beat, args=(key, claim, ended), name="log-beat", daemon=True
        )
        thread.start()
        try:
            yield
        except BaseException:
            ended.set()
            thread.join()
            # What an interrupted run wrote last says where it stood.
            self._send(key, claim)
            raise
        ended.set()
        thread.join()
        if claim.alive():
            with contextlib.suppress(NeurocaasError):
                self._state.erase(key)

    def open(self, key: str) -> BinaryIO | None:
        """Return what was sent last, or None."""
        data = self._state.read(key)
        return None if data is None else io.BytesIO(data)

    def forget(self, key: str) -> None:
        """Remove what was sent, and the file on this machine."""
        self.path(key).unlink(missing_ok=True)
        self._state.erase(key)

    def _beat(self, key: str, claim: Claim, ended: threading.Event) -> None:
        sent, pause = -1, 0.0
        while not ended.wait(pause):
            path = self.path(key)
            size = path.stat().st_size if path.exists() else 0
            if size != sent and self._send(key, claim):
                sent = size
            pause = max(self._beat_s, size / _BYTES_PER_SECOND)

    def _send(self, key: str, claim: Claim) -> bool:
        try:
            data = self.path(key).read_bytes()
        except FileNotFoundError:
            data = b""
        if not claim.alive():
            return False
        try:
            self._state.write(key, data)
        except NeurocaasError:
            return False
        return True
