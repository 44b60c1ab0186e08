"""How runs stand with Batch is said as for people, to whoever asks, from the books alone."""

from __future__ import annotations

import pytest
from fake_batch import FakeBatch
from test_slurm import JOB

from neurocaas_ci.executors.batch.standing import standing
from neurocaas_ci.executors.submissions import Journal
from neurocaas_ci.stores.directory import DirectoryState


@pytest.fixture
def world(tmp_path):
    batch, state = FakeBatch(), DirectoryState(tmp_path)
    journal = Journal(state, JOB, "aws-batch")
    for name, runs in (("n-1", ("a", "b", "c", "d")), ("n-2", ("e",))):
        journal.intend(name, runs, None)
        size = {"arrayProperties": {"size": len(runs)}} if len(runs) > 1 else {}
        journal.settle(name, batch.submit(size), None)
    return batch, state


def test_each_run_says_where_it_is_or_why_it_waits(world):
    batch, state = world
    batch.set("job1:0", "RUNNING")
    reason = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - The job's resource requirements"
    batch.set("job1:1", "RUNNABLE", reason=reason)
    batch.set("job1:2", "FAILED", 1, reason="Host EC2 (instance i-1) terminated.")
    batch.set("job2", "PENDING")
    found = standing(state, batch, JOB)
    assert {run: p.state for run, p in found.items()} == {
        "a": "running", "b": "queued", "c": "ended", "d": "queued", "e": "queued",
    }  # fmt: skip
    assert found["a"].machine == "machine-job1:0"
    assert found["b"].reason.startswith("it can never start: it asks for more than the compute")
    assert found["c"].reason.startswith("its machine was taken away")
    assert found["d"].reason == "it waits for a free machine"
    assert found["e"].reason == "it waits for the runs that it needs"


def test_a_run_that_was_submitted_again_stands_as_the_newest_says(world):
    batch, state = world
    batch.set("job2", "FAILED", 1)
    journal = Journal(state, JOB, "aws-batch")
    journal.load()
    journal.intend("n-3", ("e",), None)
    journal.settle("n-3", batch.submit({}), None)
    found = standing(state, batch, JOB)["e"]
    assert (found.state, found.handle, found.attempt) == ("queued", "job3", 2)


def test_of_a_submission_that_was_cut_off_nothing_is_said(world):
    batch, state = world
    journal = Journal(state, JOB, "aws-batch")
    journal.load()
    journal.intend("n-3", ("f",), None)
    assert "f" not in standing(state, batch, JOB)


def test_nothing_was_submitted(tmp_path):
    assert standing(DirectoryState(tmp_path), FakeBatch(), JOB) == {}
