"""What every executor owes, asked through the port alone."""

from __future__ import annotations

import shutil
import time

import pytest
from aftermath import remains
from bridge.cloud import running
from executor_world import World, load

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.executors.interface import Unfinished
from neurocaas_ci.model.run import RunRecord

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.timeout(300)]
batch = load("cloud/batch_world.py")
clusters = load("slurm/cluster.py")


@pytest.fixture(scope="module")
def template():
    made = batch.folder("neurocaas-contract-")
    batch.lay_out(made)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def cluster():
    if why := clusters.missing():
        pytest.skip(why)
    with clusters.Cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def account():
    """One account for all: its machines come and go with each run."""
    with running() as cloud:
        cloud.queue("neurocaas-m5-large-standard", "m5.large", vcpus=8)
        cloud.enforce(on=True)
        yield cloud
        assert cloud.left() == []


@pytest.fixture(params=["local", "slurm", "aws-batch"])
def world(request, template, monkeypatch):
    folder = batch.folder("neurocaas-contract-")
    shutil.copytree(template / "registry", folder / "registry", symlinks=True)
    platform = batch.loop.Platform(folder, cache=template / "home/cache")
    environment, away = {}, None
    if request.param == "slurm":
        environment = request.getfixturevalue("cluster").environment
    elif request.param == "aws-batch":
        away = batch.BatchWorld(request.getfixturevalue("account"), platform)
        away.share_role()
        environment = platform.env
    for name, value in environment.items():
        if name in {"PATH", "SLURM_CONF"} or name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    with World(platform, request.param) as world:
        yield world
    try:
        assert away is None or remains(away) == []
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def carry(world, graph, worker):
    executor = world.executor(worker)
    executor.submit(graph)
    return executor, list(executor.collect())


def test_every_run_has_one_result_and_none_starts_before_what_it_needs(world):
    graph, worker = world.graph("links", ["a\n", "b\n", "c\n"], protocol="chain")
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
    graph, worker = world.graph("votes", ["a\n"], protocol="ensemble", parameters={"replicas": 3})
    _, results = carry(world, graph, worker)
    assert {r.status for r in results} == {"succeeded"}
    join = next(r for r in results if r.step == "join")
    assert len(join.inputs) == 4


def test_no_more_at_once_than_the_job_allows(world):
    if world.kind == "aws-batch":
        pytest.skip("AWS Batch bounds a queue, not yet a job")
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
        "odd", ["fine\n", "fail\n"], protocol="chain", parameters={"mode": "odd"}
    )
    _, results = carry(world, graph, worker)
    assert {r.run: r.status for r in results} == {
        "001-one": "succeeded", "001-two": "succeeded", "002-one": "failed", "002-two": "skipped",
    }  # fmt: skip


def test_cancel_ends_what_is_under_way_and_still_gives_every_result(world):
    graph, worker = world.graph(
        "long", ["a\n", "b\n"], protocol="chain", parameters={"seconds": 50}
    )
    executor = world.executor(worker)
    executor.submit(graph)
    end = time.monotonic() + 30
    while not world.log_is_there(graph, "001-one"):
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
