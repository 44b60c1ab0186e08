"""The published JSON Schemas (draft-07) of the registry's files and of reports, and their loader."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

KINDS = ("blueprint", "iae", "iae-lock", "hardware", "user", "group", "job", "policy")
REPORTS = ("plan",)


@functools.cache
def load(kind: str) -> dict[str, Any]:
    """Return the schema of a kind of file or report; raise KeyError for an unknown kind."""
    if kind not in KINDS + REPORTS:
        raise KeyError(kind)
    text = Path(__file__).with_name(f"{kind}.v1.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
