"""A run as a protocol plans it, before anything is known about machines; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from neurocaas_ci.named import NamedTuple


def run_id(index: int, count: int, label: str) -> str:
    """Return `<dataset number>-<label>`; numbers count from 1 and have the same width in a job."""
    return f"{index + 1:0{max(3, len(str(count)))}d}-{label}"


class PlannedRun(NamedTuple):
    """One run as a protocol expands it from a job.

    `id` is unique in the job and safe as a file name; `dataset` is an index into the job's datasets;
    `needs` maps a folder under /inputs to the id of the run whose outputs appear there;
    `parameters` are all those of this run, where they are not the job's.
    """

    id: str
    step: str
    dataset: int | None
    replica: int | None = None
    needs: Mapping[str, str] = MappingProxyType({})
    parameters: Mapping[str, Any] | None = None
