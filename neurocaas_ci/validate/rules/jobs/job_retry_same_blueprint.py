"""NC-J015: a retry is of the same analysis; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class JobRetrySameBlueprint(Rule):
    """A retry uses the blueprint of the job that it retries; the version may be another one.

    `retry_of` is how people follow an analysis through its failures.

    Fix: name a job of the same blueprint, or leave `retry_of` out.
    """

    id = "NC-J015"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per retry of another analysis."""
        for job in context.jobs():
            if job.value.retry_of is None:
                continue
            old = context.head.job(job.value.retry_of).value
            if old is not None and old.blueprint != job.value.blueprint:
                yield self.finding(
                    job.document.locate(["retry_of"]),
                    f"`{old.id}` is a job of {old.blueprint}, not of {job.value.blueprint}",
                    "name a job of the same blueprint, or remove `retry_of`",
                )
