"""The Slurm executor submits once, finds again what it submitted, and says what became of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fake_slurm import Counter, CrashError, Crashing, FakeSlurm
from test_local import GB, record, spec

from neurocaas_ci.errors import BackendUnavailableError, IntegrityError
from neurocaas_ci.executors import waiting
from neurocaas_ci.executors.interface import RunGraph, Unfinished
from neurocaas_ci.executors.slurm import SlurmExecutor
from neurocaas_ci.executors.slurm_script import SlurmOptions, batch_script
from neurocaas_ci.executors.submissions import journal_key, read_submissions
from neurocaas_ci.stores.directory import DirectoryState

JOB = "ada/2026-11/j"
OPTIONS = SlurmOptions(command=("neurocaas", "worker"), environment={"NEUROCAAS_HOME": "/a b"})


class Records:
    """What the workers of a cluster have recorded, and settling as the real worker does."""

    def __init__(self):
        self.found, self.cancelled = {}, False

    def finished(self, given):
        return self.found.get(given.run)

    def settle(self, given):
        if (known := self.found.get(given.run)) is not None:
            return known
        bad = [
            r
            for r in given.needs.values()
            if r in self.found and self.found[r].status != "succeeded"
        ]
        status = "cancelled" if self.cancelled else "skipped" if bad else None
        if status is None:
            return None
        self.found[given.run] = record(given.run)._replace(status=status)
        return self.found[given.run]


class World:
    """A cluster, a store and what was said."""

    def __init__(self, folder, max_size=1000):
        self.slurm, self.state = FakeSlurm(max_size), DirectoryState(folder)
        self.records, self.said = Records(), []

    def executor(self, *, counter=None, options=OPTIONS):
        slurm, state = self.slurm, self.state
        if counter is not None:
            slurm = Crashing(slurm, counter, {"max_array_size", "submit", "find", "tasks"})
            state = Crashing(state, counter, {"write"})
        return SlurmExecutor(
            self.records, slurm, state, options, encode=lambda s: s.run.encode(),
            say=self.said.append, slowest=0.01,
        )  # fmt: skip

    def submit(self, specs, *, parallel=100, pricing="standard", **options):
        executor = self.executor(**options)
        open_specs = [s for s in specs if s.run not in self.records.found]
        executor.submit(RunGraph(JOB, open_specs, parallel, pricing))
        return executor

    def places(self):
        return {
            run: f"{s.handle}_{task}"
            for s in read_submissions(self.state, JOB, "slurm")
            for task, run in enumerate(s.runs)
        }

    def end(self, run, status="succeeded"):
        word = "COMPLETED" if status == "succeeded" else "FAILED"
        self.slurm.states[self.places()[run]] = (word, "None")
        self.records.found[run] = record(run)._replace(status=status)

    def lose(self, run, word="NODE_FAIL"):
        self.slurm.states[self.places()[run]] = (word, "None")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def chain(count):
    ones = [spec(f"{k}-one")._replace(step="one") for k in range(count)]
    twos = [spec(f"{k}-two", needs=[f"{k}-one"])._replace(step="two") for k in range(count)]
    return [*ones, *twos]


def ensemble():
    fits = [spec(f"fit-{k}")._replace(step="fit") for k in range(3)]
    return [*fits, spec("join", needs=[f.run for f in fits])._replace(step="join")]


def test_a_chain_is_two_arrays_and_an_ensemble_waits_for_all(world):
    world.submit(chain(70), parallel=7)
    assert len(world.slurm.arrays) == 2
    assert world.slurm.option("1", "array") == "0-69%7"
    assert world.slurm.option("2", "dependency") == "aftercorr:1"


def test_an_ensemble_waits_for_all_of_its_fits(world):
    world.submit(ensemble())
    assert world.slurm.option("2", "dependency") == "afterok:1"
    assert world.slurm.option("2", "array") == "0-0%1"


def test_what_waits_for_more_than_it_needs_is_not_ended_by_a_strangers_failure(world):
    first = [spec(f"{d}-{k}")._replace(step="fit") for d in "ab" for k in range(2)]
    joins = [spec(d, needs=[f"{d}-0", f"{d}-1"])._replace(step="join") for d in "ab"]
    world.submit([*first, *joins])
    assert world.slurm.option("2", "dependency") == "afterany:1"


def test_arrays_are_cut_where_the_cluster_says(tmp_path):
    world = World(tmp_path, max_size=4)
    world.submit(chain(10))
    assert [world.slurm.option(str(k), "array") for k in range(1, 7)] == [
        "0-3%4", "0-3%4", "0-1%2", "0-3%4", "0-3%4", "0-1%2"
    ]  # fmt: skip
    assert [world.slurm.option(str(k), "dependency") for k in (4, 5, 6)] == [
        "aftercorr:1", "aftercorr:2", "aftercorr:3"
    ]  # fmt: skip


def test_what_a_machine_is_asked_for(world):
    options = replace(
        OPTIONS, partitions={"save": "preempt"}, gpus={"laptop": 2}, extra=("--account=lab",)
    )
    world.submit([spec("r", cpus=3, memory=4 * GB)], options=options, pricing="save")
    _, arguments, script = world.slurm.arrays["1"]
    assert {
        "--cpus-per-task=3", "--mem=4352M", "--time=16", "--gres=gpu:2", "--partition=preempt",
        "--requeue", "--account=lab", "--export=ALL",
    } <= set(arguments)  # fmt: skip
    folder = world.slurm.option("1", "chdir")
    assert script == (
        f"#!/bin/sh\nunset SLURM_JWT\nexport NEUROCAAS_HOME='/a b'\nexec neurocaas worker {folder}/%a.json\n"
    )


def test_a_path_with_a_percent_sign_is_not_taken_for_a_pattern():
    assert "'/x %j/%a.json'" in batch_script("/x %j", OPTIONS)


def test_a_second_runner_submits_nothing_and_sees_the_same(world):
    world.submit(chain(3))
    again = world.submit(chain(3))
    assert len(world.slurm.arrays) == 2
    assert {p.state for p in again.poll().values()} == {"queued"}
    assert "6 runs are with Slurm already" in world.said[-1]


def test_what_is_under_way_is_left_and_said(world):
    executor = world.submit(chain(1))
    world.end("0-one")
    results = list(executor.collect(wait=False))
    assert results[0].run == "0-one"
    assert "queued in Slurm as 2_0: other jobs are before it (Priority)" in str(results[1].error)


def test_a_lost_run_is_unfinished_with_the_reason_and_submitted_again(world):
    specs = chain(2)
    executor = world.submit(specs)
    for run in ("0-one", "0-two"):
        world.end(run)
    world.lose("1-one")
    world.lose("1-two", "CANCELLED")
    world.state.write(f"jobs/{JOB}/slurm/{_token(world, '1-one')}/1.out", b"no space left\n")
    results = {r.run: r for r in executor.collect(wait=False)}
    assert isinstance(results["1-one"], Unfinished)
    assert "its node failed (NODE_FAIL): no space left" in str(results["1-one"].error)
    world.submit(specs)
    assert [world.slurm.option(h, "array") for h in ("3", "4")] == ["0-0%1", "0-0%1"]
    assert world.slurm.option("4", "dependency") == "aftercorr:3"
    assert any("1-one: no result: its node failed" in line for line in world.said)


def test_a_run_that_waits_for_one_submitted_earlier(world):
    specs = chain(2)
    world.submit(specs)
    world.lose("1-two", "TIMEOUT")
    world.submit(specs)
    assert world.slurm.option("3", "dependency") == "afterany:1"


def _token(world, run):
    found = read_submissions(world.state, JOB, "slurm")
    return next(s.name.rpartition("-")[2] for s in found if run in s.runs)


def test_a_run_whose_upstream_failed_is_skipped(world):
    executor = world.submit(chain(1))
    world.end("0-one", "failed")
    world.lose("0-two", "CANCELLED")
    results = {r.run: r.status for r in executor.collect()}
    assert results == {"0-one": "failed", "0-two": "skipped"}


def test_a_dependency_that_stays_in_the_queue_for_ever_is_an_end(world):
    executor = world.submit(chain(1))
    world.end("0-one", "failed")
    world.slurm.states["2_0"] = ("PENDING", "DependencyNeverSatisfied")
    assert {r.status for r in executor.collect()} == {"failed", "skipped"}


def test_cancel_ends_the_arrays_and_records_it(world):
    executor = world.submit(chain(2))
    world.records.cancelled = True
    executor.cancel()
    assert {w for w, _ in world.slurm.states.values()} == {"CANCELLED"}
    assert [r.status for r in executor.collect()] == ["cancelled"] * 4


def test_a_cancelled_job_is_not_submitted(world):
    world.records.cancelled = True
    executor = world.submit(chain(2))
    assert world.slurm.arrays == {}
    assert {p.state for p in executor.poll().values()} == {"ended"}
    assert len(list(executor.collect())) == 4


def test_forgotten_by_slurm(world):
    executor = world.submit(chain(1))
    world.slurm.states.clear()
    assert "Slurm does not know it any more" in str(next(executor.collect(wait=False)).error)


def test_a_controller_that_is_away_is_asked_again(world, monkeypatch):
    executor = world.submit([spec("r")])
    world.end("r")
    answers = iter([BackendUnavailableError("no answer"), None])
    real = world.slurm.tasks

    def tasks(arrays):
        if (error := next(answers)) is not None:
            raise error
        return real(arrays)

    monkeypatch.setattr(world.slurm, "tasks", tasks)
    assert [r.run for r in executor.collect()] == ["r"]
    assert "no answer; asking again" in world.said[-1]
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.0)
    executor = World.executor(world)
    answers = iter([None, *[BackendUnavailableError("no answer")] * 9])
    world.records.found.clear()
    world.slurm.states["1_0"] = ("RUNNING", "None")
    executor.submit(RunGraph(JOB, [spec("r")], 1))
    with pytest.raises(BackendUnavailableError):
        list(executor.collect())
    assert "1 runs go on in Slurm" in world.said[-1]


def test_a_journal_that_is_none_is_refused(world):
    world.state.write(journal_key(JOB, "slurm"), json.dumps({"schema": "x"}).encode())
    with pytest.raises(IntegrityError, match="cannot be read"):
        world.submit([spec("r")])


def test_dying_at_any_point_submits_every_run_exactly_once(tmp_path):
    """Every call of Slurm and every write, before and after; then another runner comes."""
    counter = Counter()
    World(tmp_path / "count").submit(chain(3), counter=counter)
    points = counter.seen
    assert points > 20
    for at in range(1, points + 1):
        world = World(tmp_path / str(at))
        with pytest.raises(CrashError):
            world.submit(chain(3), counter=Counter(at))
        executor = world.submit(chain(3))
        tasks = [s.runs for s in read_submissions(world.state, JOB, "slurm")]
        assert sorted(run for runs in tasks for run in runs) == sorted(s.run for s in chain(3)), at
        assert len(world.slurm.arrays) == 2, at
        for run in world.places():
            world.end(run)
        assert {r.status for r in executor.collect()} == {"succeeded"}, at


def test_dying_twice_is_no_different(tmp_path):
    for first in range(1, 24, 3):
        for second in range(1, 12, 2):
            world = World(tmp_path / f"{first}-{second}")
            for at in (first, second):
                try:
                    world.submit(chain(2), counter=Counter(at))
                except CrashError:
                    continue
            world.submit(chain(2))
            assert len(world.slurm.arrays) == 2, (first, second)
