"""A job as a check of the commit that merged it: runs, progress, the end of the log, cost; no I/O here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from neurocaas_ci.report.markdown import code

# A check holds 65,535 characters.
_MOST_RUNS, _MOST_LOG, _MOST_MESSAGE = 200, 4_000, 200
_ENDED = ("succeeded", "failed", "cancelled")

Conclusion = Literal["success", "failure", "cancelled"]


class RunLine(NamedTuple):
    """One run: its state, the progress it reported (0 to 1), its wall time in seconds, a message."""

    run: str
    state: str
    fraction: float | None = None
    seconds: float | None = None
    message: str = ""


class JobCheck(NamedTuple):
    """What is shown of a job; `conclusion` is None as long as it has not ended."""

    title: str
    summary: str
    conclusion: Conclusion | None
    queued: bool


def job_check(
    job: str,
    state: str,
    runs: Sequence[RunLine],
    *,
    cost: str = "",
    message: str = "",
    log: str = "",
    links: Mapping[str, str] | None = None,
) -> JobCheck:
    """Return title and Markdown; `log` is the end of a log, `links` are addresses by their name.

    Messages and logs are written by workflows, that is by strangers.
    """
    done = sum(run.state in _ENDED for run in runs)
    title = f"{state}, {done} of {len(runs)} runs" if runs else state
    if cost:
        title += f", {cost}"
    parts = [f"**{code(job)}** {title}"]
    if message:
        parts.append(code(message, _MOST_MESSAGE))
    if links:
        parts.append("\n".join(f"* [{name}]({address})" for name, address in links.items()))
    if runs:
        parts.append(_table(runs))
    if log:
        text = log[-_MOST_LOG:]
        fence = "`" * max(3, _longest(text) + 1)
        parts.append(f"The end of the log:\n\n{fence}text\n{text}\n{fence}")
    conclusions: dict[str, Conclusion] = {
        "succeeded": "success",
        "failed": "failure",
        "cancelled": "cancelled",
    }
    return JobCheck(title, "\n\n".join(parts) + "\n", conclusions.get(state), state == "queued")


def _table(runs: Sequence[RunLine]) -> str:
    rows = ["| run | state | progress | seconds | |", "|---|---|---|---|---|"]
    # Those that need a look first.
    ordered = sorted(runs, key=lambda run: (run.state == "succeeded", run.state == "queued"))
    for run in ordered[:_MOST_RUNS]:
        progress = "" if run.fraction is None else f"{run.fraction:.0%}"
        seconds = "" if run.seconds is None else f"{run.seconds:.0f}"
        # A bar would end the cell, in a code span too.
        note = code(run.message, _MOST_MESSAGE).replace("|", "¦") if run.message else ""
        rows.append(f"| {code(run.run)} | {run.state} | {progress} | {seconds} | {note} |")
    left = len(runs) - _MOST_RUNS
    if left > 0:
        rows.append(f"\nand {left} more runs")
    return "\n".join(rows)


def _longest(text: str) -> int:
    longest = length = 0
    for character in text:
        length = length + 1 if character == "`" else 0
        longest = max(longest, length)
    return longest
