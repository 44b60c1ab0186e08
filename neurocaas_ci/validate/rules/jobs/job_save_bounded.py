"""NC-J012: a job at the save price has a bound on its time; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class JobSaveBounded(Rule):
    """A job with `pricing: save` says how long each of its runs may take.

    Such a machine can be taken away, and the run starts anew: without a bound of its own the job
    reserves the longest time that the blueprint allows, again and again.

    Fix: add `max_runtime`, a little more than one run needs.
    """

    id = "NC-J012"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per unbounded job at the save price."""
        for job in context.jobs():
            if job.value.pricing == "save" and job.value.max_runtime is None:
                yield self.finding(
                    job.document.locate(["pricing"]),
                    "the job may be interrupted, but has no `max_runtime`",
                    "add `max_runtime: ...`, for example 30m",
                )
