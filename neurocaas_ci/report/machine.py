"""Findings for programs: one JSON document, or annotations of GitHub; I/O is not handled here."""

from __future__ import annotations

import json
from collections.abc import Sequence

from neurocaas_ci.model.finding import Finding

SCHEMA = "neurocaas/findings/v1"
MOST_ANNOTATIONS = 10
"""GitHub shows no more errors, and no more warnings, of one step."""


def as_json(findings: Sequence[Finding]) -> str:
    """Return `{schema, findings: [{rule, severity, path, ..., message, fix, fixable}]}`.

    `fixable` says that `neurocaas validate --fix` mends it.
    """
    rows = [
        {
            "rule": finding.rule,
            "severity": finding.severity,
            "path": finding.location.path,
            "line": finding.location.line,
            "column": finding.location.column,
            "pointer": finding.location.pointer,
            "message": finding.message,
            "fix": finding.fix,
            "fixable": finding.repair is not None,
        }
        for finding in findings
    ]
    return json.dumps({"schema": SCHEMA, "findings": rows}, indent=2, ensure_ascii=True) + "\n"


def as_github(findings: Sequence[Finding]) -> str:
    """Return one workflow command per finding, as many of each severity as GitHub shows of a step.

    A last one says how many are left out. The form is that of GitHub's documentation, "Workflow
    commands for GitHub Actions", with the escapes of its toolkit: a message must not be able to start
    a command of its own.
    """
    ordered = sorted(findings, key=lambda f: (f.severity, f.location, f.rule, f.message))
    shown: list[Finding] = []
    for severity in ("error", "warning"):
        shown += [f for f in ordered if f.severity == severity][:MOST_ANNOTATIONS]
    text = "".join(map(_annotation, shown))
    left = len(findings) - len(shown)
    if left:
        text += f"::notice title=neurocaas::{left} more: the summary and the report have all\n"
    return text


def _annotation(finding: Finding) -> str:
    place = finding.location
    properties = {
        "file": place.path,
        "line": str(place.line),
        "col": str(place.column),
        "title": finding.rule,
    }
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    text = f"{finding.message}\nfix: {finding.fix}" if finding.fix else finding.message
    if finding.repair is not None:
        text += " (`neurocaas validate --fix` does it)"
    return f"::{finding.severity} {listed}::{_data(text)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
