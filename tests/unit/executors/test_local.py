"""The local executor keeps the bounds, respects needs, and never loses a result."""

from __future__ import annotations

import threading
import time

import pytest

from neurocaas_ci.errors import BackendUnavailableError, IntegrityError
from neurocaas_ci.executors.interface import RunGraph, Unfinished
from neurocaas_ci.executors.local import LocalExecutor
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.run import Isolation, RunRecord, RunSpec, Usage

ZERO = Sha256("0" * 64)
GB = 1 << 30


def spec(run, *, needs=(), cpus=1, memory=GB):
    return RunSpec(
        job="ada/2026-11/j", run=run, step="s", image=ZERO, command=("x",), environment={},
        config={}, inputs=(), needs={f"steps/{n}": n for n in needs}, outputs_required=(),
        limits=RunLimits(memory=memory, cpus=cpus), max_runtime=60, hardware="laptop",
        determinism="none",
    )  # fmt: skip


def record(run):
    return RunRecord(
        job="ada/2026-11/j", run=run, step="s", identity=ZERO, status="succeeded",
        reason="exited", message="", exit_code=0, image=ZERO, inputs=(), outputs=(), log=None,
        usage=Usage(), isolation=Isolation("none"), hardware="laptop", started="", ended="",
    )  # fmt: skip


class Probe:
    """A worker that remembers who ran beside whom."""

    def __init__(self, fail=None):
        self.lock = threading.Lock()
        self.now, self.most, self.order = 0, 0, []
        self.interrupted = False
        self.fail = fail or {}

    def interrupt(self):
        self.interrupted = True

    def execute(self, given):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.01)
        with self.lock:
            self.now -= 1
            self.order.append(given.run)
        if given.run in self.fail:
            raise self.fail[given.run]
        return record(given.run)


def graph(specs, parallel):
    return RunGraph("ada/2026-11/j", specs, parallel)


def run_all(probe, specs, *, cpus=4, memory=64 * GB, parallel=100):
    executor = LocalExecutor(probe, cpus=cpus, memory=memory)
    executor.submit(graph(specs, parallel))
    return list(executor.collect())


@pytest.mark.parametrize(
    ("cpus", "memory", "parallel", "expected"),
    [(3, 64 * GB, 100, 3), (8, 2 * GB, 100, 2), (8, 64 * GB, 1, 1), (8, 64 * GB, 5, 5)],
)
def test_as_many_at_once_as_allowed(cpus, memory, parallel, expected):
    probe = Probe()
    specs = [spec(f"r{i}") for i in range(20)]
    results = run_all(probe, specs, cpus=cpus, memory=memory, parallel=parallel)
    assert {r.run for r in results} == {s.run for s in specs}
    assert probe.most == expected


def test_runs_ahead_are_prepared_beside_those_that_hold_the_processors():
    probe = Probe()
    executor = LocalExecutor(probe, cpus=2, memory=64 * GB, ahead=1)
    executor.submit(graph([spec(f"r{i}") for i in range(20)], 100))
    assert len(list(executor.collect())) == 20
    assert probe.most == 3


def test_needs_come_first_even_if_submitted_last():
    probe = Probe()
    specs = [spec("c", needs=["a", "b"]), spec("b", needs=["a"]), spec("a")]
    run_all(probe, specs)
    assert probe.order == ["a", "b", "c"]


def test_a_need_that_is_not_submitted_has_ended_before():
    assert [r.run for r in run_all(Probe(), [spec("b", needs=["a"])])] == ["b"]


def test_a_bad_input_holds_nobody_up():
    probe = Probe({"r1": IntegrityError("gone")})
    results = run_all(probe, [spec(f"r{i}") for i in range(6)])
    unfinished = [r for r in results if isinstance(r, Unfinished)]
    assert [u.run for u in unfinished] == ["r1"]
    assert len(results) == 6


def test_a_failing_machine_starts_nothing_more_and_names_the_rest():
    probe = Probe({"r0": BackendUnavailableError("disk full")})
    results = run_all(probe, [spec(f"r{i}") for i in range(50)], cpus=1)
    assert len(results) == 50
    assert all(isinstance(r, Unfinished) for r in results)
    assert probe.order == ["r0"]


def test_an_unexpected_exception_is_raised_and_threads_end():
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        run_all(Probe({"r2": ZeroDivisionError()}), [spec(f"r{i}") for i in range(5)])
    assert threading.active_count() == before


def test_what_never_fits_is_refused_before_anything_starts():
    probe = Probe()
    executor = LocalExecutor(probe, cpus=2, memory=GB)
    with pytest.raises(BackendUnavailableError, match="this machine offers 2"):
        executor.submit(graph([spec("small"), spec("big")._replace(limits=RunLimits(cpus=64))], 10))
    assert probe.order == []


def test_who_stops_collecting_waits_for_what_is_under_way():
    probe = Probe()
    executor = LocalExecutor(probe, cpus=2, memory=64 * GB)
    executor.submit(graph([spec(f"r{i}") for i in range(100)], 2))
    results = executor.collect()
    next(results)
    results.close()
    assert probe.interrupted
    assert probe.now == 0
    assert 0 < len(probe.order) < 100


def test_it_tells_how_each_run_stands():
    probe = Probe()
    executor = LocalExecutor(probe, cpus=1, memory=64 * GB)
    executor.submit(graph([spec(f"r{i}") for i in range(3)], 1))
    results = executor.collect()
    next(results)
    states = [placement.state for placement in executor.poll().values()]
    assert states[0] == "ended"
    assert set(states[1:]) <= {"queued", "running", "ended"}
    assert len(list(results)) == 2
    assert {placement.state for placement in executor.poll().values()} == {"ended"}


@pytest.mark.timeout(60)
def test_five_thousand_runs_stay_quick():
    specs = [spec(f"r{i}") for i in range(5000)]
    probe = Probe()
    probe.execute = lambda given: record(given.run)
    executor = LocalExecutor(probe, cpus=4, memory=64 * GB)
    executor.submit(graph(specs, 100))
    assert sum(1 for _ in executor.collect()) == 5000
