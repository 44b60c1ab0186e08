"""A replay's verdict with its differences, as text or as JSON; I/O is not handled here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from neurocaas_ci.model.replay import Comparison, Replay, RunReplay
from neurocaas_ci.report.plain import printable

SCHEMA = "neurocaas/replay/v1"
_DETAILS = 12
_FEW_FILES = 12


def as_text(replay: Replay) -> str:
    """Return each run with its outputs, what differs, and the verdict last."""
    lines: list[str] = []
    for run in replay.runs:
        lines += _run(run)
    lines += [f"{replay.verdict}: {replay.reason}"]
    return "\n".join(printable(line) for line in lines) + "\n"


def as_json(replay: Replay) -> str:
    """Return the replay as one JSON document."""
    document = {
        "schema": SCHEMA,
        "certificate": replay.certificate,
        "job": replay.job,
        "verdict": replay.verdict,
        "reason": replay.reason,
        "started": replay.started,
        "ended": replay.ended,
        "runs": [
            {
                "run": run.run,
                "was": run.was,
                "now": run.now,
                "alike": run.alike,
                "message": run.message,
                "outputs": [
                    {
                        "name": name,
                        "verdict": comparison.verdict,
                        "kind": comparison.kind,
                        "summary": comparison.summary,
                        "details": list(comparison.details),
                        "facts": dict(comparison.facts),
                    }
                    for name, comparison in run.files
                ],
            }
            for run in replay.runs
        ],
        "machine": dict(replay.machine),
    }
    return json.dumps(document, indent=2) + "\n"


def _run(run: RunReplay) -> Iterator[str]:
    counts = Counter(comparison.verdict for _, comparison in run.files)
    tally = ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) or "no outputs"
    if run.alike:
        yield f"{run.run}: {run.now} again; {tally}"
    else:
        yield f"{run.run}: {run.was} when certified, {run.now} this time; {tally}"
        if run.message:
            yield f"    {run.message}"
    shown = [f for f in run.files if f[1].verdict != "identical"]
    for name, comparison in shown[:_FEW_FILES]:
        yield from _file(name, comparison)
    if len(shown) > _FEW_FILES:
        yield f"    and {len(shown) - _FEW_FILES} more files (--format json has all)"


def _file(name: str, comparison: Comparison) -> Iterator[str]:
    yield f"    {comparison.verdict:<10}  {name}  ({comparison.kind}): {comparison.summary}"
    for line in comparison.details[:_DETAILS]:
        yield f"        {line}"
    if len(comparison.details) > _DETAILS:
        yield f"        … {len(comparison.details) - _DETAILS} more lines (--format json has all)"
