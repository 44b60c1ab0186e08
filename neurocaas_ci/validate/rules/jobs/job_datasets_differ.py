"""NC-J007: the datasets of a job differ; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class JobDatasetsDiffer(Rule):
    """The datasets of a job are different ones.

    The digest is the identity of a dataset: the same one twice is computed, and paid, twice.

    Fix: remove one of the two, or correct its digest.
    """

    id = "NC-J007"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per repeated digest."""
        for job in context.jobs():
            first: dict[str, int] = {}
            for index, dataset in enumerate(job.value.datasets):
                other = first.setdefault(dataset.sha256, index)
                if other != index:
                    yield self.finding(
                        job.document.locate(["datasets", index, "sha256"]),
                        f"this is the dataset of entry {other + 1} again",
                        "remove it, or correct the digest",
                    )
