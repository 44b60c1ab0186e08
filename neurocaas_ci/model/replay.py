"""What a replay found: outputs compared, runs, the verdict; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from neurocaas_ci.model.digest import Sha256

Verdict = Literal["identical", "equivalent", "different", "impossible"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One output compared with the original by the blueprint's comparison of this `kind`.

    `summary` is one line for people, `details` are lines of a difference, `facts` the same as
    numbers for programs.
    """

    verdict: Literal["identical", "equivalent", "different", "ignored", "impossible"]
    kind: str
    summary: str
    details: tuple[str, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunReplay:
    """One run: how it ended when it was certified and now, and each of its outputs compared.

    `was` and `now` are statuses with their reason; they agree when the runs ended alike. `files`
    pairs names, relative to the folder of results, with comparisons.
    """

    run: str
    was: str
    now: str
    alike: bool
    message: str
    files: tuple[tuple[str, Comparison], ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """The verdict on a certificate; `reason` says what is missing when it is `impossible`."""

    certificate: Sha256
    job: str
    verdict: Verdict
    reason: str
    runs: tuple[RunReplay, ...]
    machine: Mapping[str, Any]
    started: str
    ended: str
