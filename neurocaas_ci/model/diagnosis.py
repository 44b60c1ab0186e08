"""What a check of a machine or of a forge's settings found; I/O is not handled here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of one check: its id, what it found, and what to do unless all is well."""

    check: str
    state: State
    message: str
    fix: str = ""
