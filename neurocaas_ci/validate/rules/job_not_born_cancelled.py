"""NC-J013: a new job is not cancelled already; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import added


class JobNotBornCancelled(Rule):
    """A job is merged before it is cancelled.

    A manifest that says `cancelled` from the start never runs. It was probably copied from another.

    Fix: remove `cancelled`, or do not add the job.
    """

    id = "NC-J013"
    severity = "warning"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per job that is added as cancelled."""
        for change in added(context, "registry/jobs"):
            if change.status == "added" and context.head.is_job(change.path):
                job = context.head.job(change.path)
                if job.value is not None and job.value.cancelled is not None:
                    yield self.finding(
                        job.document.locate(["cancelled"], key=True),
                        "this new job is cancelled already and will never run",
                        "remove `cancelled`, or do not add the job",
                    )
