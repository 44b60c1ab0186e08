"""Where bubblewrap is on this machine: one answer for runs and for builds."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator


def find_bwrap() -> str | None:
    """Return the path of bwrap, or None; NEUROCAAS_BWRAP names it, and then no other is looked for."""
    for candidate in _candidates():
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    return None


def _candidates() -> Iterator[str | None]:
    if named := os.environ.get("NEUROCAAS_BWRAP"):
        yield named
        return
    # A distribution's own path first: its AppArmor profile is bound to that path.
    yield "/usr/bin/bwrap"
    import shutil

    yield shutil.which("bwrap")
    # Last the one beside the interpreter, where a set-up without root puts it.
    yield os.path.join(os.path.dirname(sys.executable), "bwrap")
