"""The audit of a registry: what failed, what was replayed, one line in sum; I/O is not handled here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from neurocaas_ci.model.replay import Replay
from neurocaas_ci.model.verification import Check, Verification
from neurocaas_ci.report.plain import printable
from neurocaas_ci.report.verification import as_data

SCHEMA = "neurocaas/audit/v1"

Files = Sequence[tuple[str, Verification]]


def as_text(
    files: Files, problems: Sequence[Check], replays: Sequence[Replay], uncertified: Sequence[str]
) -> str:
    """Return what does not hold, line by line, then what was replayed, then numbers."""
    lines = [f"FAILED  {check.name}: {check.text}" for check in problems]
    for path, result in files:
        lines += [
            f"FAILED  {path}: {check.name}: {check.text}"
            for check in result.checks
            if check.state == "failed"
        ]
    lines += [f"{replay.verdict:<10}  {replay.job}: {replay.reason}" for replay in replays]
    lines += [f"no certificate yet: {job}" for job in uncertified]
    valid = sum(result.valid for _, result in files)
    lines.append(f"{valid} of {len(files)} files of certificates/ are valid, {_statuses(files)}")
    lines.append(
        f"{len(problems)} problems of the registry as a whole; {len(replays)} jobs replayed; "
        f"{len(uncertified)} jobs of main without a certificate"
    )
    return "\n".join(printable(line) for line in lines) + "\n"


def as_json(
    files: Files, problems: Sequence[Check], replays: Sequence[Replay], uncertified: Sequence[str]
) -> str:
    """Return the audit as one JSON document."""
    document = {
        "schema": SCHEMA,
        "valid": not problems and all(result.valid for _, result in files),
        "files": [{"path": path, **as_data(result)} for path, result in files],
        "problems": [{"name": check.name, "text": check.text} for check in problems],
        "replays": [
            {"job": r.job, "certificate": r.certificate, "verdict": r.verdict, "reason": r.reason}
            for r in replays
        ],
        "uncertified": list(uncertified),
    }
    return json.dumps(document, indent=2) + "\n"


def _statuses(files: Files) -> str:
    counts = Counter(result.status for _, result in files if result.valid)
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "none"
