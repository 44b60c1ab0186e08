"""Wait for what other processes do."""

from __future__ import annotations

import time


def until(condition, timeout=60):
    """Return the first thing that is true; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found
