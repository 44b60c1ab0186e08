"""What a case of a rule is: edits of the valid registry, and what is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from builder import BLUEPRINT, ENSEMBLE, Case, Edit, sub

IAE = "iae/demo/iae.yaml"
LAB = "registry/groups/lab.yaml"
ADA = "registry/users/ada.yaml"
CERTIFICATE = "certificates/ada/2026-11/first.sigstore.json"


@dataclass(frozen=True)
class Bad:
    """A registry with one finding of the rule: where it points and a part of what it says."""

    case: Case
    where: str
    says: str
    alone: bool = True


def bad(where: str, says: str, *edits: Edit, alone: bool = True, **case: Any) -> Bad:
    """Say what the edits break; `alone` means no other rule complains."""
    return Bad(Case(edits, **case), where, says, alone)


def good(*edits: Edit, **case: Any) -> Case:
    return Case(edits, **case)


def new_version(*edits: Edit) -> tuple[Edit, ...]:
    versions = (sub(BLUEPRINT, "1.0.0", "1.1.0"), sub(ENSEMBLE, "1.0.0", "1.1.0"))
    return (*versions, *edits)


def blueprint(old: str, new: str) -> tuple[Edit, ...]:
    return (sub(BLUEPRINT, "version: 1.0.0", "version: 1.1.0"), sub(BLUEPRINT, old, new))


Table = dict[str, tuple[tuple[Bad, ...], tuple[Case, ...]]]
