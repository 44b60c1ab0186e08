"""A job in a store as the reconciler leaves it, for tests of what reads it."""

from __future__ import annotations

import io
import json

from run_specs import JOB, make_record

from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.run import LogFile, OutputFile
from neurocaas_ci.run import records
from neurocaas_ci.run.records import (
    JobPlan,
    JobRecord,
    StepImage,
    StepTerms,
    encode_job,
    encode_plan,
)

DIGEST = Sha256("c" * 64)


class JobState:
    """Writes a plan, run records and the job's record into a home."""

    def __init__(self, home) -> None:
        self.home = home

    def put(self, data):
        return self.home.blobs.put(io.BytesIO(data))

    def plan(self, *runs, job=JOB):
        plan = JobPlan(
            job=job, registry_commit="1" * 40, blueprint="probe", version="1.0.0",
            blueprint_commit="2" * 40,
            images={"work": StepImage("probe", DIGEST, DIGEST, DIGEST)},
            steps={"work": StepTerms("laptop", "none", 60, RunLimits())},
            datasets=(), pricing="standard",
            runs=tuple((run, f"{run}.csv") for run in runs), parameters={"n": 3, "größe": "é"},
            started="2026-11-01T00:00:00Z",
        )  # fmt: skip
        self.home.state.write(records.plan_key(job), encode_plan(plan))
        return plan

    def record(self, run, files=None, log=b"a line\n", job=JOB, **changes):
        outputs = []
        for path, data in (files or {}).items():
            blob = self.put(data)
            outputs.append(OutputFile(path, blob.sha256, blob.size))
        stored = None
        if log is not None:
            blob = self.put(log)
            stored = LogFile(blob.sha256, blob.size)
        record = make_record(job=job, run=run, outputs=tuple(outputs), log=stored, **changes)
        self.home.state.write(records.record_key(job, run), records.encode_record(record))
        return record

    def end(self, status="succeeded", job=JOB, message=""):
        record = JobRecord(
            job=job, status=status, plan={}, runs=(), wall_s=1.0, cpu_s=1.0, cost_usd=0.5, costs={}, instances={}, prices={}, host={},
            started="2026-11-01T00:00:00Z", ended="2026-11-01T00:00:01Z", message=message,
        )  # fmt: skip
        self.home.state.write(records.job_key(job), encode_job(record))

    def forge_record(self, which, **fields):
        """Replace fields of a run's record by what nobody of us would write."""
        key = records.record_key(JOB, which)
        document = json.loads(self.home.state.read(key))
        self.home.state.write(key, json.dumps({**document, **fields}).encode())
