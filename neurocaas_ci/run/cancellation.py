"""Notice while runs are under way that main says their job is cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable

from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.registry.git import GitTree, blob_at
from neurocaas_ci.run.resolve import load_job

_POLL_SECONDS = 2.0


class CancelWatch:
    """Look now and then whether main says that the job is cancelled.

    The manifest is read again only when it is another one than before, on `head` at first.
    """

    def __init__(self, head: GitTree, ref: str, path: str, cancel: Callable[[], None]) -> None:
        self._repo, self._ref, self._path, self._cancel = head.repo, ref, path, cancel
        self._seen = head.entries(path)[0].blob
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="cancel-watch", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(_POLL_SECONDS):
            blob = blob_at(self._repo, self._ref, self._path)
            if blob in {None, self._seen}:
                continue
            try:
                with GitTree(self._repo, self._ref) as tree:
                    if load_job(tree, self._path).cancelled is not None:
                        self._cancel()
                        return
                self._seen = blob
            except NeurocaasError:
                continue
