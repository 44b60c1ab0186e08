"""NC-I006: the sample exists; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


_INPUTS = ("dataset", "steps", "replicas", "combinations")


class SampleExists(Rule):
    """The sample that iae.yaml names holds config.yaml and something to run on.

    That is a dataset, or for a later step the outputs of earlier ones, where a run finds them:
    `steps/<step>/` in a chain, `replicas/<k>/` in an ensemble, `combinations/<n>/` in a sweep.
    `neurocaas try NAME` runs it, and readers see what the analysis is fed with.

    Fix: add `config.yaml` and `dataset/<file>` to the folder, or remove `sample`.
    """

    id = "NC-I006"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per incomplete sample."""
        for name, iae in context.iaes():
            if iae.value.sample is None:
                continue
            folder = f"iae/{name}/{iae.value.sample}"
            paths = {entry.path for entry in context.head.tree.entries(folder)}
            places = tuple(f"{folder}/{place}/" for place in _INPUTS)
            complete = f"{folder}/config.yaml" in paths
            if not complete or not any(path.startswith(places) for path in paths):
                yield self.finding(
                    iae.document.locate(["sample"]),
                    f"the sample folder {folder} does not hold config.yaml and dataset/ (or steps/, "
                    "replicas/ or combinations/ for a later step)",
                    "add both, or remove `sample`",
                )
