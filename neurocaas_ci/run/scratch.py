"""The folders in which this process lays out its attempts; what a killed one left is swept."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from neurocaas_ci.named import NamedTuple
from neurocaas_ci.stores.disk import disk_errors, unique_name

CONFIG = "config.yaml"
"""The one file of /inputs that is not an input: every attempt writes it anew."""

Layout = frozenset[str]
"""The folders below /inputs, as relative paths; those above each are in it too."""

_OWNER = "owner.lock"
# Between a folder and its lock lie microseconds; clocks of machines that share a disk differ by minutes.
_UNOWNED_S = 3600


class Attempt(NamedTuple):
    """Folders of one attempt: /inputs with the folders of its layout in it, and /outputs."""

    folder: str
    layout: Layout

    @property
    def inputs(self) -> str:
        """The path of /inputs."""
        return f"{self.folder}/inputs"

    @property
    def outputs(self) -> str:
        """The path of /outputs."""
        return f"{self.folder}/outputs"


class Scratch:
    """The attempts of this process; a folder whose owner is gone is swept by the next one.

    Use it as a context manager; the folder is removed at the end.
    """

    def __init__(self, root: Path) -> None:
        with disk_errors(root):
            root.mkdir(parents=True, exist_ok=True)
            self._sweep(root)
            self.folder = root / unique_name()
            self.folder.mkdir()
            self._lock = _own(self.folder)
        self._idle: defaultdict[Layout, list[Attempt]] = defaultdict(list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for attempt in (one for idle in self._idle.values() for one in idle):
            _remove_idle(attempt)
        _remove_owned(self.folder)
        os.close(self._lock)

    def new(self) -> Path:
        """Return a new, empty folder for one attempt."""
        folder = self.folder / unique_name()
        folder.mkdir()
        return folder

    @contextlib.contextmanager
    def attempt(self, layout: Layout, *, again: bool) -> Iterator[Attempt]:
        """Yield the folders of an attempt, without a file in them but an old configuration perhaps.

        With `again` a later attempt may get the folders of these inputs, so only ask for it when
        the command cannot write there. Folders that come and go can be dear: without a journal,
        ext4 passes over every file that was removed in the last minutes whenever it makes one.
        """
        attempt = self._take(layout)
        try:
            yield attempt
        finally:
            if again and _cleared(attempt):
                self._idle[layout].append(attempt)
            else:
                self.discard(Path(attempt.folder))

    def _take(self, layout: Layout) -> Attempt:
        try:
            # Threads share the list; only one of them gets an entry.
            attempt = self._idle[layout].pop()
        except IndexError:
            attempt = Attempt(str(self.new()), layout)
            os.mkdir(attempt.inputs)
            for below in sorted(layout):
                os.mkdir(f"{attempt.inputs}/{below}")
        os.mkdir(attempt.outputs)
        return attempt

    def discard(self, folder: Path) -> None:
        """Remove one attempt, whatever a workflow made of its folders."""
        _remove_tree(folder)

    @staticmethod
    def _sweep(root: Path) -> None:
        for entry in root.iterdir():
            with contextlib.suppress(OSError):
                try:
                    lock = os.open(entry / _OWNER, os.O_RDWR | os.O_CLOEXEC)
                except FileNotFoundError:
                    # Its maker was killed before it could lock it, or is about to.
                    if time.time() - entry.stat().st_mtime > _UNOWNED_S:
                        _remove_tree(entry)
                    continue
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove_owned(entry)
                finally:
                    os.close(lock)


def _remove_tree(folder: Path) -> bool:
    """Remove a folder with all that is in it, as far as it goes; tell whether it is gone."""
    import shutil  # with every compression module; most commands never get here

    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        # A workflow may have taken our rights on its own folders away.
        for parent, names, _ in os.walk(folder):
            for path in (os.path.join(parent, name) for name in names):
                with contextlib.suppress(OSError):
                    if not os.path.islink(path):
                        os.chmod(path, 0o700)
        shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def _remove_owned(folder: Path) -> None:
    """Remove a folder whose lock is held, as far as it goes.

    The lock goes last, after all else is gone: what is left here can be swept at once.
    """
    with contextlib.suppress(OSError):
        with os.scandir(folder) as found:
            entries = [entry for entry in found if entry.name != _OWNER]
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
            elif not _remove_tree(Path(entry.path)):
                return
        os.unlink(folder / _OWNER)
        os.rmdir(folder)


def _cleared(attempt: Attempt) -> bool:
    """Take the inputs out of an attempt that left no outputs; tell whether it can be used again."""
    try:
        os.rmdir(attempt.outputs)
        for below in ("", *attempt.layout):
            with os.scandir(f"{attempt.inputs}/{below}") as entries:
                found = [e.path for e in entries if not e.is_dir(follow_symlinks=False)]
            for path in found:
                if path != f"{attempt.inputs}/{CONFIG}":
                    os.unlink(path)
    except OSError:
        return False
    return True


def _remove_idle(attempt: Attempt) -> None:
    """Remove folders that wait for another attempt; a general removal would take dozens of calls."""
    with contextlib.suppress(OSError):
        for below in sorted(attempt.layout, reverse=True):
            os.rmdir(f"{attempt.inputs}/{below}")
        os.unlink(f"{attempt.inputs}/{CONFIG}")
        os.rmdir(attempt.inputs)
        os.rmdir(attempt.folder)


def _own(folder: Path) -> int:
    # Locked before it gets its name: a sweeper can never see it unlocked.
    hidden = folder / f".{_OWNER}"
    lock = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.rename(hidden, folder / _OWNER)
    return lock
