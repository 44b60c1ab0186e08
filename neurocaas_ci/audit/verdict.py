"""From compared runs to one verdict; I/O is not handled here."""

from __future__ import annotations

from neurocaas_ci.model.replay import RunReplay, Verdict


def judge(runs: tuple[RunReplay, ...]) -> tuple[Verdict, str]:
    """Return the verdict on all runs together, and what decided it."""
    cut_short = [r.run for r in runs if r.was.startswith(("cancelled", "skipped")) and not r.alike]
    compared = [run for run in runs if run.run not in cut_short]
    if not compared:
        return "impossible", "no run of the job had ended when it was certified"
    other = [run for run in compared if not run.alike]
    verdicts = [comparison.verdict for run in compared for _, comparison in run.files]
    if other:
        first = other[0]
        return "different", f"{first.run} {first.was} when certified, {first.now} this time"
    if "different" in verdicts:
        return "different", f"{verdicts.count('different')} of {len(verdicts)} outputs differ"
    if "impossible" in verdicts:
        return "impossible", f"{verdicts.count('impossible')} outputs could not be compared"
    if not verdicts:
        return "identical", f"all {len(compared)} runs ended as before, and left no outputs"
    if set(verdicts) == {"identical"}:
        return "identical", f"all {len(verdicts)} outputs are byte for byte the same"
    same = verdicts.count("identical")
    return "equivalent", (
        f"{same} of {len(verdicts)} outputs are byte for byte the same, "
        f"{verdicts.count('equivalent')} within the declared tolerance, "
        f"{verdicts.count('ignored')} not to be compared"
    )
