"""Bring what the workers of a confined job left in its cell to where everybody finds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neurocaas_ci.errors import IntegrityError
from neurocaas_ci.model.run import RunRecord, RunSpec
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.stage import resolve_inputs

_AT_ONCE = 16


def bring_home(
    home: Home, job: str, specs: Sequence[RunSpec], ended: Mapping[str, RunRecord]
) -> None:
    """Make outputs and logs of a job contents of the store, offer its results, remove its cell.

    All its runs have ended, and no worker of it is left. It can be done again, whenever it was cut
    off. Raise IntegrityError when something that a record names is not what it should be.
    """
    cell = home.cell_of(job)
    if cell is None or cell.empty():
        return

    def bring(spec: RunSpec) -> None:
        record = ended[spec.run]
        left = [(file.sha256, file.size) for file in record.outputs]
        left += [] if record.log is None else [(record.log.sha256, record.log.size)]
        for digest, size in left:
            if not cell.has_taken(digest) and not cell.take(digest, size):
                raise IntegrityError(
                    f"what the run left does not have its digest: {digest}",
                    where=f"{job}#{spec.run}",
                    hint=f"remove the state {records.record_key(job, spec.run)};"
                    " `neurocaas reconcile` then runs it again",
                )
        if record.status == "succeeded" and record.taken_from is None:
            # A worker is not believed either when it says what it has computed.
            inputs = resolve_inputs(spec, {run: ended[run] for run in spec.needs.values()})
            if spec.identity(inputs) == record.identity:
                origin = records.encode_origin(job, spec.run)
                home.state.write(records.result_key(record.identity), origin)

    # Only jobs on AWS come here, and the module is slow to load.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(bring, [spec for spec in specs if spec.run in ended]))
    cell.clear()
