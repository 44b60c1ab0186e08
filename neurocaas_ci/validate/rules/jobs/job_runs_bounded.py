"""NC-J016: a job does not become endlessly many runs; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.protocols.bounds import TooManyRunsError
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.expansion import refused
from neurocaas_ci.validate.rule import Rule


class JobRunsBounded(Rule):
    """A job becomes 50,000 runs at most.

    The number is that of its datasets times the steps or replicas of each. More could neither be
    planned nor shown, and a price for them could not even be computed.

    Fix: submit fewer datasets at once, or ask for fewer replicas.
    """

    id = "NC-J016"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per job with too many runs."""
        for job, error in refused(context, TooManyRunsError):
            yield self.finding(
                job.document.locate(["datasets"]),
                str(error),
                "submit fewer datasets at once, or ask for fewer replicas",
            )
