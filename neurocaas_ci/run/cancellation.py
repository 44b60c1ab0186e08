"""Notice while runs are under way that main says their job is cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.model.places import JOBS
from neurocaas_ci.registry.git import GitTree, head_commit
from neurocaas_ci.run.resolve import load_job

_POLL_SECONDS = 2.0


class CancelWatch:
    """Look now and then whether main says that jobs are cancelled.

    `cancel` maps the manifests of jobs to what is called once, in a thread of its own, when that is
    so. A manifest is read again only when it is another one than before, on `head` at first.
    """

    def __init__(self, head: GitTree, ref: str, cancel: Mapping[str, Callable[[], None]]) -> None:
        self._repo, self._ref, self._cancel = head.repo, ref, dict(cancel)
        self._commit = head.commit
        self._seen = _blobs(head)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="cancel-watch", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while self._cancel and not self._done.wait(_POLL_SECONDS):
            try:
                commit = head_commit(self._repo, self._ref)
                if commit != self._commit:
                    with GitTree(self._repo, commit) as tree:
                        self._look(tree)
                    self._commit = commit
            except NeurocaasError:
                continue

    def _look(self, tree: GitTree) -> None:
        blobs = _blobs(tree)
        for path in list(self._cancel):
            blob = blobs.get(path)
            if blob in {None, self._seen.get(path)}:
                continue
            if load_job(tree, path).cancelled is not None:
                self._cancel[path]()
                del self._cancel[path]
            else:
                self._seen[path] = blob


def _blobs(tree: GitTree) -> dict[str, str | None]:
    return {entry.path: entry.blob for entry in tree.entries(JOBS)}
