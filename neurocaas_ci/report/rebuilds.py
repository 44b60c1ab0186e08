"""What rebuilding environments gave, as a document that strangers may have written; no I/O here.

The document is made where a pull request's sources are built and run, so whoever reads it trusts
nothing in it: its size, form and words are checked, and it only ever adds doubts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from neurocaas_ci.model.strict_json import StrictJsonError, read_strictly
from neurocaas_ci.report.plain import printable

SCHEMA = "neurocaas/rebuilds/v1"
MAX_BYTES = 100_000
"""A document of this size names more environments than a change can sensibly touch."""

_MOST, _MOST_DETAIL = 100, 400
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_VERDICTS = ("reproduced", "different", "failed")

Verdict = Literal["reproduced", "different", "failed"]


@dataclass(frozen=True, slots=True)
class Rebuild:
    """One environment: whether its sources give the locked image, and its sample the same outputs.

    `different` means that the image or a second run of the sample is another one.
    """

    name: str
    verdict: Verdict
    detail: str


def is_name(name: str) -> bool:
    """Tell whether an environment may be called so."""
    return _NAME.fullmatch(name) is not None


def as_json(rebuilds: Sequence[Rebuild]) -> str:
    """Return `{schema, environments: [{name, verdict, detail}]}`."""
    rows = [
        {"name": one.name, "verdict": one.verdict, "detail": one.detail[:_MOST_DETAIL]}
        for one in rebuilds
    ]
    return json.dumps({"schema": SCHEMA, "environments": rows}, indent=2) + "\n"


def read(data: bytes) -> tuple[Rebuild, ...]:
    """Read the document; raise ValueError for anything that `as_json` does not write."""
    if len(data) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES} bytes")
    try:
        document = read_strictly(data)
    except StrictJsonError as error:
        raise ValueError(str(error)) from error
    if not isinstance(document, dict) or set(document) != {"schema", "environments"}:
        raise ValueError("it is no such document")
    rows = document["environments"]
    if document["schema"] != SCHEMA or not isinstance(rows, list) or len(rows) > _MOST:
        raise ValueError("it is no such document")
    return tuple(_rebuild(row) for row in rows)


def _rebuild(row: Any) -> Rebuild:
    keys = {"name", "verdict", "detail"}
    if (
        not isinstance(row, dict)
        or set(row) != keys
        or not all(isinstance(value, str) for value in row.values())
    ):
        raise ValueError("it names an environment in another form")
    if not is_name(row["name"]) or row["verdict"] not in _VERDICTS:
        raise ValueError("it names something that is no environment, or no verdict")
    return Rebuild(row["name"], row["verdict"], printable(row["detail"][:_MOST_DETAIL]))
