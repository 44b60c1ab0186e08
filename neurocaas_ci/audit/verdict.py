"""From compared runs to one verdict; I/O is not handled here."""

from __future__ import annotations

from collections import Counter

from neurocaas_ci.model.replay import RunReplay, Verdict


def judge(runs: tuple[RunReplay, ...]) -> tuple[Verdict, str]:
    """Return the verdict on all runs together, and what decided it.

    Runs that had been cut short when the job was certified are left out: there is nothing to
    compare them with.
    """
    cut_short = [r.run for r in runs if r.was.startswith(("cancelled", "skipped")) and not r.alike]
    compared = [run for run in runs if run.run not in cut_short]
    if not compared:
        return "impossible", "no run of the job had ended when it was certified"
    other = next((run for run in compared if not run.alike), None)
    if other is not None:
        return "different", f"{other.run} {other.was} when certified, {other.now} this time"
    verdicts = [comparison.verdict for run in compared for _, comparison in run.files]
    if not verdicts:
        return "identical", f"all {len(compared)} runs ended as before, and left no outputs"
    return _judge_outputs(Counter(verdicts), len(verdicts))


def _judge_outputs(counts: Counter[str], total: int) -> tuple[Verdict, str]:
    if counts["different"]:
        return "different", f"{counts['different']} of {total} outputs differ"
    if counts["impossible"]:
        return "impossible", f"{counts['impossible']} of {total} outputs could not be compared"
    if counts["identical"] == total:
        return "identical", f"all {total} outputs are byte for byte the same"
    # An ignored output with other bytes is no reason for doubt, but not identical either.
    return "equivalent", (
        f"{counts['identical']} of {total} outputs are byte for byte the same, "
        f"{counts['equivalent']} within the declared tolerance, {counts['ignored']} not compared"
    )
