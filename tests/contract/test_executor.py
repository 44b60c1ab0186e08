"""What every executor owes, asked through the port alone."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import pytest
from executor_world import World, load

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.executors.interface import Unfinished
from neurocaas_ci.model.run import RunRecord

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.timeout(300)]
loop = load("integration/loop/conftest.py")
clusters = load("slurm/cluster.py")


@pytest.fixture(scope="module")
def template():
    folder = Path(tempfile.mkdtemp(prefix="neurocaas-contract-"))
    folder.chmod(0o755)
    loop.lay_out(folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def cluster():
    if why := clusters.missing():
        pytest.skip(why)
    with clusters.Cluster() as cluster:
        yield cluster


@pytest.fixture(params=["local", "slurm"])
def world(request, template, monkeypatch):
    if request.param == "slurm":
        environment = request.getfixturevalue("cluster").environment
        for name in ("PATH", "SLURM_CONF"):
            monkeypatch.setenv(name, environment[name])
    folder = Path(tempfile.mkdtemp(prefix="neurocaas-contract-"))
    folder.chmod(0o755)
    shutil.copytree(template / "registry", folder / "registry", symlinks=True)
    platform = loop.Platform(folder, cache=template / "home/cache")
    with World(platform, request.param) as world:
        yield world
    shutil.rmtree(folder, ignore_errors=True)


def carry(world, graph, worker):
    executor = world.executor(worker)
    executor.submit(graph)
    return executor, list(executor.collect())


def test_every_run_has_one_result_and_none_starts_before_what_it_needs(world):
    graph, worker = world.graph("links", ["a\n", "b\n", "c\n"], blueprint="chain")
    executor, results = carry(world, graph, worker)
    assert sorted(r.run for r in results) == sorted(s.run for s in graph.specs)
    found = {r.run: r for r in results}
    for spec in graph.specs:
        assert isinstance(found[spec.run], RunRecord)
        assert found[spec.run].status == "succeeded"
        for needed in spec.needs.values():
            assert found[needed].ended <= found[spec.run].started
    placements = executor.poll()
    assert {p.state for p in placements.values()} == {"ended"}
    assert set(placements) == set(found)


def test_one_that_joins_several(world):
    graph, worker = world.graph("votes", ["a\n"], blueprint="ensemble", parameters={"replicas": 3})
    _, results = carry(world, graph, worker)
    assert {r.status for r in results} == {"succeeded"}
    join = next(r for r in results if r.step == "join")
    assert len(join.inputs) == 4


def test_no_more_at_once_than_the_job_allows(world):
    contents = [f"{k}\n" for k in range(6)]
    graph, worker = world.graph("few", contents, max_parallel=2, parameters={"seconds": 0.5})
    _, results = carry(world, graph, worker)
    assert len(results) == 6
    moments = [(r.started, 1) for r in results] + [(r.ended, -1) for r in results]
    now, most = 0, 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    assert most <= 2


def test_a_failure_stops_only_what_needs_it(world):
    graph, worker = world.graph(
        "odd", ["fine\n", "fail\n"], blueprint="chain", parameters={"mode": "odd"}
    )
    _, results = carry(world, graph, worker)
    assert {r.run: r.status for r in results} == {
        "001-one": "succeeded", "001-two": "succeeded", "002-one": "failed", "002-two": "skipped",
    }  # fmt: skip


def test_cancel_ends_what_is_under_way_and_still_gives_every_result(world):
    graph, worker = world.graph(
        "long", ["a\n", "b\n"], blueprint="chain", parameters={"seconds": 50}
    )
    executor = world.executor(worker)
    executor.submit(graph)
    end = time.monotonic() + 30
    log = world.home.state.path(f"jobs/{graph.job}/runs/001-one/log")
    while not log.exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    assert executor.poll()["001-one"].state == "running"
    assert executor.poll()["001-two"].state == "queued"
    worker.cancel.set()
    executor.cancel()
    results = list(executor.collect())
    assert sorted(r.run for r in results) == sorted(s.run for s in graph.specs)
    assert {r.status for r in results} == {"cancelled"}


def test_what_can_never_fit_is_refused(world):
    graph, worker = world.graph("huge", ["a\n"])
    (spec,) = graph.specs
    huge = spec._replace(limits=spec.limits._replace(memory=1 << 46))
    with pytest.raises(BackendUnavailableError):
        world.executor(worker).submit(graph._replace(specs=[huge]))


def test_what_was_submitted_by_another_is_taken_up(world):
    graph, worker = world.graph("twice", ["a\n", "b\n"], parameters={"seconds": 1})
    first = world.executor(worker)
    first.submit(graph)
    second = world.executor(worker)
    second.submit(graph)
    results = [*second.collect(), *first.collect()]
    assert not any(isinstance(r, Unfinished) for r in results)
    assert len(results) == 4
    assert {r.attempt for r in results} == {1}


def test_a_detached_executor_goes_on_when_nobody_collects(world):
    graph, worker = world.graph("alone", ["a\n"], parameters={"seconds": 1})
    executor = world.executor(worker)
    executor.submit(graph)
    results = executor.collect()
    if not executor.capabilities().detached:
        results.close()
        return
    results.close()
    end = time.monotonic() + 40
    while worker.finished(graph.specs[0]) is None:
        assert time.monotonic() < end
        time.sleep(0.2)
