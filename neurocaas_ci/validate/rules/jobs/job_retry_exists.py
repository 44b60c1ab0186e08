"""NC-J011: a retried job exists; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class JobRetryExists(Rule):
    """The job that a job retries is an earlier one of the same user.

    Fix: correct `retry_of`; it is `<login>/<yyyy-mm>/<job>`.
    """

    id = "NC-J011"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per retry of nothing, of itself, or of somebody else's job."""
        for job in context.jobs():
            old = job.value.retry_of
            if old is None:
                continue
            place = job.document.locate(["retry_of"])
            if old == job.value.id or not old.startswith(f"{job.value.user}/"):
                fix = "name an earlier job of the same user"
                yield self.finding(place, f"`{old}` cannot be retried by this job", fix)
            elif context.head.tree.read(f"registry/jobs/{old}.yaml", 0) is None:
                yield self.finding(place, f"there is no job `{old}`", "correct the id")
