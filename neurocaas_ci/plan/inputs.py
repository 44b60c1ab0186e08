"""May the datasets of an ended job be deleted? Decided from what main says; no I/O here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.registry import Dataset


class Holder(NamedTuple):
    """A job that names a content: whether it has its certificate, and whether it keeps its inputs."""

    job: str
    certified: bool
    keeps: bool


class Decision(NamedTuple):
    """What becomes of a dataset: `why` it stays (empty: it goes), and whether that may change."""

    dataset: Dataset
    why: str = ""
    later: bool = False


def decide(
    dataset: Dataset,
    holders: Iterable[Holder],
    names: Collection[str],
    uris: Collection[str],
    results: Collection[Sha256],
) -> Decision:
    """Decide about one dataset of a job that has succeeded and does not keep its inputs.

    `holders` are all jobs of main that name its content. `names` are those that the content has in
    the store, `uris` what such jobs call it; a name that none of them uses is somebody else's.
    `results` are contents that certificates name as outputs.
    """
    several = sorted(holders)
    waiting = [one.job for one in several if not one.certified]
    if waiting:
        return Decision(dataset, f"{waiting[0]} has not ended", later=True)
    keeping = [one.job for one in several if one.keeps]
    if keeping:
        return Decision(dataset, f"{keeping[0]} keeps its inputs")
    if dataset.sha256 in results:
        return Decision(dataset, "it is also a result of a job")
    other = sorted(name for name in names if f"store:{name}" not in uris)
    if other:
        return Decision(dataset, f"store:{other[0]} is the same")
    return Decision(dataset)
