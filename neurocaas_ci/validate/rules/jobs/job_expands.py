"""NC-J017: the protocol can make runs of the job; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.protocols.bounds import UnfitJobError
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.expansion import refused
from neurocaas_ci.validate.rule import Rule


class JobExpands(Rule):
    """What a job asks of its protocol can be done, beyond each value for itself.

    In a sweep a parameter is either given or swept over, and swept over in one step; with both nobody
    could say which value holds.

    Fix: take the parameter out of `parameters` or out of `parameters.sweep`.
    """

    id = "NC-J017"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per job that its protocol refuses."""
        for job, error in refused(context, UnfitJobError):
            yield self.finding(job.document.locate(["parameters"]), str(error), error.fix)
