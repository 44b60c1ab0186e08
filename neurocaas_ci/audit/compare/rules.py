"""Which comparison a blueprint declares for an output; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os.path import normpath
from typing import Any

from neurocaas_ci.model.blueprint import OutputRule
from neurocaas_ci.run.outputs import output_pattern

_EXACT: Mapping[str, Any] = {"kind": "exact"}


def rule_for(outputs: Sequence[OutputRule], path: str) -> Mapping[str, Any]:
    """Return the `compare` entry for a path below /outputs.

    An entry for exactly this path wins, then the first glob that matches. What is not declared has
    to be the same byte for byte.
    """
    named = (rule for rule in outputs if normpath(rule.path) == path)
    globs = (rule for rule in outputs if output_pattern(rule.path).fullmatch(path))
    rule = next(named, None) or next(globs, None)
    return _EXACT if rule is None else rule.compare


def needs_content(rule: Mapping[str, Any]) -> bool:
    """Whether files with different digests have to be read to judge them.

    When not, the digests decide; reading the files then only serves to show what differs.
    """
    return rule["kind"] not in {"exact", "ignore"}
