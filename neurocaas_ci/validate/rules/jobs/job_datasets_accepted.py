"""NC-J008: the blueprint accepts the datasets; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.units import format_size
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class JobDatasetsAccepted(Rule):
    """The blueprint accepts the suffix and the size of every dataset.

    Fix: convert the data, or use another blueprint.
    """

    id = "NC-J008"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per dataset of another kind, too large, or empty."""
        for job in context.jobs():
            blueprint = context.blueprint_of(job.value)
            if blueprint is None:
                continue
            rules = blueprint.datasets
            for index, dataset in enumerate(job.value.datasets):
                if rules.suffixes and not dataset.name.endswith(rules.suffixes):
                    yield self.finding(
                        job.document.locate(["datasets", index, "uri"]),
                        f"{blueprint.name} does not accept `{dataset.name}`",
                        f"accepted are files that end in {', '.join(rules.suffixes)}",
                    )
                if dataset.size > rules.max_size:
                    yield self.finding(
                        job.document.locate(["datasets", index, "size"]),
                        f"the dataset is larger than {format_size(rules.max_size)}",
                        f"{blueprint.name} accepts {format_size(rules.max_size)} at most",
                    )
                elif dataset.size == 0:
                    yield self.finding(
                        job.document.locate(["datasets", index, "size"]),
                        "the dataset is empty",
                        "name a file with data in it",
                    )
