"""NC-J002: a job lies in a month folder; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule

_MONTH = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])")


class JobInMonthFolder(Rule):
    """A job lies in a folder named after a month, `yyyy-mm`.

    Months keep folders small and tell when a job was asked for.

    Fix: move the file to `registry/jobs/<login>/<yyyy-mm>/`.
    """

    id = "NC-J002"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per job in another kind of folder."""
        for job in context.jobs():
            if not _MONTH.fullmatch(job.value.month):
                yield self.finding(
                    job.document.locate(),
                    f"the folder `{job.value.month}` is no month",
                    "move the file to a folder such as 2026-11",
                )
