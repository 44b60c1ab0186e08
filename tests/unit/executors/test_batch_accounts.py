"""Every attempt that was paid for is in the books, whoever was away when it ended."""

from __future__ import annotations

import pytest
from fake_batch import FakeBatch
from test_batch_requests import BIG as MACHINE
from test_local import record, spec
from test_slurm import JOB, Records

from neurocaas_ci.errors import BackendUnavailableError, IntegrityError
from neurocaas_ci.executors.attempts import attempts_key, read_attempts
from neurocaas_ci.executors.aws_batch import AwsBatchExecutor
from neurocaas_ci.executors.batch.requests import Settings
from neurocaas_ci.executors.interface import RunGraph, Unfinished
from neurocaas_ci.model.run import RunRecord
from neurocaas_ci.stores.directory import DirectoryState


class World:
    def __init__(self, folder):
        self.batch, self.state, self.records = FakeBatch(), DirectoryState(folder), Records()
        # Three attempts of 70 minutes may cost three and a half hours of the machine.
        self.specs = [spec("a")._replace(max_runtime=3600), spec("b")._replace(max_runtime=3600)]
        self.held: list[tuple[str, int]] = []
        self.refuse = False

    def hold(self, job, committed):
        self.held.append((job, committed))
        # Nobody was asked to run anything before that.
        self.submitted_before = dict(self.batch.sizes)
        if self.refuse:
            raise BackendUnavailableError("the budget is used up")

    def executor(self, prices=None):
        """Return a new runner's executor, as a pass of the reconciler submits to it."""
        executor = AwsBatchExecutor(
            self.records, self.batch, self.state, Settings("i", "r", "s3://b/p", "/l"),
            hardware=lambda _name: MACHINE, deliver=lambda _image: None,
            encode=lambda s: s.run.encode(), say=lambda _text: None, slowest=0.01,
            hold=self.hold,
        )  # fmt: skip
        left = [s for s in self.specs if s.run not in self.records.found]
        done = [s for s in self.specs if s.run in self.records.found]
        executor.submit(RunGraph(JOB, left, 9, "standard", prices, done))
        return executor

    def record(self, run):
        self.records.found[run] = record(run)

    def cost(self, run):
        document = read_attempts(self.state, JOB, run)
        return None if document is None else document["cost_usd"]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_run_that_ended_while_no_runner_looked_is_charged_all_the_same(world):
    world.executor({"s": 2.0})
    for number, run in enumerate("ab"):
        world.batch.set(f"job1:{number}", "SUCCEEDED", 1, 0.5)
        world.record(run)
    results = list(world.executor({"s": 2.0}).collect(wait=False))
    assert [(type(r), r.run) for r in results] == [(RunRecord, "a"), (RunRecord, "b")]
    assert (world.cost("a"), world.cost("b")) == (3.0, 3.0)
    assert list(world.batch.sizes) == ["job1"]
    # Once more, there is nothing left to account for.
    assert list(world.executor().collect(wait=False)) == []


def test_a_container_that_still_stops_is_waited_for(world):
    world.executor()
    world.batch.set("job1:0", "SUCCEEDED", 1)
    world.batch.set("job1:1", "RUNNING")
    world.record("a")
    world.record("b")
    executor = world.executor()
    results = {r.run: r for r in executor.collect(wait=False)}
    assert isinstance(results["a"], RunRecord)
    assert isinstance(results["b"], Unfinished)
    assert results["b"].under_way
    world.batch.set("job1:1", "SUCCEEDED", 2)
    assert [r.run for r in executor.collect()] == ["b"]
    assert world.cost("b") == pytest.approx(2 * MACHINE.price_standard)


def test_what_a_lost_job_cost_stays_when_the_run_is_submitted_again(world):
    world.executor({"s": 1.0})
    world.batch.set("job1:0", "FAILED", 1, 1, 1)
    world.batch.set("job1:1", "SUCCEEDED", 1)
    world.record("b")
    world.executor({"s": 1.0})
    assert list(world.batch.sizes) == ["job1", "job2"]
    assert (world.cost("a"), world.cost("b")) == (3.0, 1.0)
    # The second job ends while nobody looks, too: the first one's attempts are not all.
    world.batch.set("job2", "SUCCEEDED", 0.25)
    world.record("a")
    assert [r.run for r in world.executor({"s": 1.0}).collect()] == ["a"]
    assert world.cost("a") == 3.25
    assert list(world.executor().collect()) == []


def test_a_run_whose_attempts_have_cost_all_that_they_may_is_not_submitted_again(world):
    world.executor({"s": 1.0})
    world.batch.set("job1:0", "FAILED", 1.2, 1.2, 1.2)
    world.batch.set("job1:1", "SUCCEEDED", 1)
    world.record("b")
    with pytest.raises(
        BackendUnavailableError, match=r"cost 3\.60 USD .* may cost 3\.50"
    ) as caught:
        world.executor({"s": 1.0})
    assert "cancel the job" in caught.value.hint
    assert list(world.batch.sizes) == ["job1"]
    assert world.cost("a") == 3.6


def test_what_may_be_spent_is_held_before_a_run_is_submitted_again(world):
    """All that was paid, one more attempt of what starts and of what is under way; no more, no less."""
    world.executor({"s": 1.0})
    # The merge has reserved what the first submission costs.
    assert world.held == []
    world.batch.set("job1:0", "FAILED", 0.25)
    world.batch.set("job1:1", "RUNNING")
    world.executor({"s": 1.0})
    assert world.held == [(JOB, 2_250_000)]
    assert list(world.submitted_before) == ["job1"]
    assert list(world.batch.sizes) == ["job1", "job2"]
    # A runner that comes later and finds all under way asks for nothing.
    world.batch.set("job2", "RUNNING")
    world.executor({"s": 1.0})
    assert len(world.held) == 1
    world.batch.set("job1:1", "SUCCEEDED", 1)
    world.record("b")
    world.batch.set("job2", "FAILED", 0.5)
    world.executor({"s": 1.0})
    assert world.held[1:] == [(JOB, 2_750_000)]


def test_what_nobody_can_pay_is_not_submitted_again(world):
    world.executor({"s": 1.0})
    world.batch.set("job1:0", "FAILED", 0.25)
    world.batch.set("job1:1", "SUCCEEDED", 1)
    world.record("b")
    world.refuse = True
    for _ in range(2):
        with pytest.raises(BackendUnavailableError, match="used up"):
            world.executor({"s": 1.0})
    assert list(world.batch.sizes) == ["job1"]
    assert (world.cost("a"), world.cost("b")) == (0.25, 1.0)
    # As soon as somebody can, it goes on.
    world.refuse = False
    world.executor({"s": 1.0})
    assert list(world.batch.sizes) == ["job1", "job2"]


def test_what_batch_has_forgotten_holds_nobody_up(world):
    world.executor()
    world.record("a")
    world.record("b")
    world.batch.jobs.clear()
    world.batch.sizes.clear()
    assert sorted(r.run for r in world.executor().collect()) == ["a", "b"]
    assert world.cost("a") is None


def test_a_run_of_another_executor_is_not_submitted(world):
    world.record("a")
    world.record("b")
    assert list(world.executor().collect()) == []
    assert world.batch.sizes == {}


@pytest.mark.parametrize("damage", [b"{", b"[]", b'{"cost_usd": "x", "jobs": []}', b'{"jobs": []}'])
def test_damaged_books_are_named(world, damage):
    world.state.write(attempts_key(JOB, "a"), damage)
    with pytest.raises(IntegrityError, match=r"attempts of this run cost cannot be read"):
        read_attempts(world.state, JOB, "a")
