"""Publish certificates a few at a time: a forge takes only so many pushes, and jobs end when they end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from neurocaas_ci.errors import NeurocaasError

Publish = Callable[[Mapping[str, bytes]], Mapping[str, NeurocaasError]]
"""Publish bundles by their jobs, and return what kept which of them back."""


class Batch:
    """Publishes what is added at once, or together with what follows once `pause_s` are over.

    Everything added has been signed and kept: what a dead process did not publish, the next one does.
    """

    def __init__(self, publish: Publish, pause_s: float) -> None:
        self._publish, self._pause_s = publish, pause_s
        self._waiting: dict[str, bytes] = {}
        self._errors: dict[str, NeurocaasError] = {}
        self._next = 0.0
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        # One push after the other: two of this process would only be in each other's way.
        self._pushing = threading.Lock()

    def add(self, job: str, bundle: bytes) -> None:
        """Publish the certificate of a job now or soon; raise what keeps it back, if that is known now."""
        with self._lock:
            self._waiting[job] = bundle
            rest = self._next - time.monotonic()
            if rest > 0:
                if self._timer is None:
                    self._timer = threading.Timer(rest, self._send)
                    self._timer.daemon = True
                    self._timer.start()
                return
        self._send()
        with self._lock:
            error = self._errors.pop(job, None)
        if error is not None:
            raise error

    def finish(self) -> Mapping[str, NeurocaasError]:
        """Publish what waits; return what kept jobs back that `add` said nothing of."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
        self._send()
        return self._errors

    def _send(self) -> None:
        with self._pushing:
            with self._lock:
                batch, self._waiting, self._timer = self._waiting, {}, None
            if not batch:
                return
            errors = self._publish(batch)
            with self._lock:
                self._errors |= errors
                self._next = time.monotonic() + self._pause_s
