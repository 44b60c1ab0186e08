"""NC-J014: the digest of a dataset is not that of nothing; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule

# SHA-256 of no bytes (FIPS 180-4).
_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class JobDatasetDigest(Rule):
    """The digest of a dataset with data in it is not the digest of an empty file.

    A tool that could not read the file gives the digest of nothing; every upload is refused later,
    because its bytes have another one.

    Fix: compute the digest again, from the file itself: `neurocaas data put FILE` prints it.
    """

    id = "NC-J014"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per such digest."""
        for job in context.jobs():
            for index, dataset in enumerate(job.value.datasets):
                if dataset.size and dataset.sha256 == _EMPTY:
                    yield self.finding(
                        job.document.locate(["datasets", index, "sha256"]),
                        f"this is the digest of an empty file, but `size` is {dataset.size}",
                        "compute the digest of the file again",
                    )
