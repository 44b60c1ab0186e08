"""The answers of a verification as lines for people or one JSON document; I/O is not handled here."""

from __future__ import annotations

import json

from neurocaas_ci.model.verification import Check, State, Verification
from neurocaas_ci.report.plain import printable

SCHEMA = "neurocaas/verification/v1"
_MARKS: dict[State, tuple[str, str]] = {
    "ok": ("ok", "\x1b[32m"),
    "failed": ("FAILED", "\x1b[1;31m"),
    "unchecked": ("-", "\x1b[2m"),
}
_RESET = "\x1b[0m"


def as_text(result: Verification, *, colour: bool = False) -> str:
    """Return one line per check: the answer, what was asked, what the answer proves."""
    lines = _title(result)
    lines += [_line(check, colour=colour) for check in result.checks]
    return "\n".join(lines) + "\n"


def as_json(result: Verification) -> str:
    """Return `{schema, valid, certificate, job, status, tier, checks: [{name, state, text}]}`."""
    return json.dumps({"schema": SCHEMA, **as_data(result)}, indent=2) + "\n"


def as_data(result: Verification) -> dict[str, object]:
    """Return the verification as plain values."""
    return {
        "valid": result.valid,
        "certificate": result.certificate,
        "job": result.job,
        "status": result.status,
        "tier": result.tier,
        "checks": [
            {"name": check.name, "state": check.state, "text": check.text}
            for check in result.checks
        ],
    }


def _title(result: Verification) -> list[str]:
    if not result.certificate:
        return ["a certificate that does not hold, so nothing in it is believed"]
    return [
        f"certificate sha256:{result.certificate}",
        printable(f"of job {result.job}: {result.status}"),
    ]


def _line(check: Check, *, colour: bool) -> str:
    mark, start = _MARKS[check.state]
    padded = f"{mark:<6}"
    if colour:
        padded = f"{start}{padded}{_RESET}"
    return f"  {padded}  {check.name:<13}  {printable(check.text)}"
