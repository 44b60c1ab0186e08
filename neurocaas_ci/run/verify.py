"""Read the outputs of finished jobs again and compare every digest."""

from __future__ import annotations

from neurocaas_ci.model.digest import sha256_bytes
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home


def damaged_runs(home: Home, job: str) -> list[str]:
    """Return the runs of a finished job whose record or outputs are missing or changed."""
    data = home.state.read(records.job_key(job))
    if data is None:
        return []
    found: list[str] = []
    for run, _, digest in records.decode_job(data)["runs"]:
        document = home.state.read(records.record_key(job, run))
        if document is None or sha256_bytes(document) != digest:
            found.append(run)
            continue
        record = records.decode_record(document)
        if not all(home.blobs.verify(f.sha256, f.size) for f in record.outputs):
            found.append(run)
    return found
