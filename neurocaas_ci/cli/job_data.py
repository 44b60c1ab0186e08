"""The datasets of a new job: names in the store, or files that are put there and hashed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurocaas_ci.cli.data import store_file
from neurocaas_ci.errors import UsageError
from neurocaas_ci.run.home import Home
from neurocaas_ci.stores.names import NamedBlob, look_up


def dataset_entries(home: Home, given: Sequence[str]) -> list[dict[str, Any]]:
    """Return the `datasets` of a manifest; raise UsageError for a name or file that is not there."""
    entries = [_resolve(home, text) for text in given]
    return [{"uri": f"store:{e.name}", "sha256": e.sha256, "size": e.size} for e in entries]


def _resolve(home: Home, text: str) -> NamedBlob:
    if text.startswith("store:"):
        entry = look_up(home.state, text.removeprefix("store:"))
        if entry is None:
            raise UsageError(
                f"there is no {text} in the store",
                hint="`neurocaas data ls` lists what is there, `neurocaas data put FILE` adds it",
            )
        return entry
    return store_file(home, Path(text), None, replace=False)
