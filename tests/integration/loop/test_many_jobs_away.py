"""Jobs of an engine whose runs go on by themselves are attended to together, by the real reconciler."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from neurocaas_ci.build.images import Images
from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.executors.interface import Capabilities, Placement, Unfinished
from neurocaas_ci.executors.waiting import Waiting
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.pending import in_merge_order, manifests
from neurocaas_ci.run.reconcile import Reconciler
from neurocaas_ci.run.sandbox import Sandbox

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.timeout(120)]


class Engine:
    """Runs of several jobs; one ends when the test says so, by the look of which job it is."""

    def __init__(self):
        self.ended, self.looks, self.away = set(), [], 0
        self.on_look = lambda _job: None

    def make(self, runs):
        return Far(self, runs)


class Far:
    """An executor of the engine: runs are executed here, but only when they are collected."""

    def __init__(self, engine, runs):
        self.engine, self.runs = engine, runs
        self.waiting = Waiting("an engine", self.poll, self.result, lambda _text: None, 0.05)

    def capabilities(self):
        return Capabilities("far", 0, 0, detached=True, pause=0.05)

    def submit(self, graph):
        self.job, self.specs = graph.job, {s.run: s for s in graph.specs}
        settled = [r for s in graph.specs if (r := self.runs.settle(s)) is not None]
        self.waiting.begin(self.specs, settled)

    def poll(self):
        self.engine.looks.append(self.job)
        self.engine.on_look(self.job)
        if self.engine.away:
            self.engine.away -= 1
            raise BackendUnavailableError("the engine is away")
        state = "ended" if self.job in self.engine.ended else "running"
        return {run: Placement(run, state, handle="x") for run in self.specs}

    def result(self, spec, _placement, _ended_for):
        return self.runs.finished(spec) or self.runs.settle(spec) or self.runs.execute(spec)

    def cancel(self):
        self.engine.ended.add(self.job)

    def collect(self, *, wait=True):
        return self.waiting.collect(wait=wait)


class Heard:
    def __init__(self):
        self.ends, self.notes, self.under_way = [], [], []

    def job_started(self, job, done):
        pass

    def run_ended(self, record):
        pass

    def run_unfinished(self, problem):
        assert isinstance(problem, Unfinished)
        self.under_way.append(problem.run)

    def job_ended(self, job, status, _message):
        self.ends.append((job, status))

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def world(platform):
    jobs = [platform.job(name, platform.put(f"{name}\n")) for name in ("one", "two", "three")]
    engine, heard, concluded = Engine(), Heard(), []

    def reconcile(*, wait=True):
        with GitTree(platform.repo, "refs/heads/main") as head:
            home = Home(platform.home, Path(platform.env["NEUROCAAS_CACHE"]))
            reconciler = Reconciler(
                repo=platform.repo, head=head, home=home,
                images=Images(home.cache, lambda _text: None),
                sandbox=Sandbox.probe("sandbox", home.scratch), make_executor=engine.make,
                observer=heard, refusal=lambda _job, _commit: None, ref="refs/heads/main", cpus=2,
                conclude=concluded.append, wait=wait,
            )  # fmt: skip
            merged = in_merge_order(platform.repo, head.commit, manifests(head))
            return {o.job: o.status for o in reconciler.reconcile(merged)}

    return platform, jobs, engine, heard, concluded, reconcile


def test_the_job_that_ends_first_is_concluded_first(world):
    _, (one, two, three), engine, _heard, concluded, reconcile = world

    def on_look(_job):
        if len(engine.looks) == 6:
            engine.ended.add(three)
        if len(engine.looks) == 12:
            engine.ended.add(two)
        if concluded == [three, two]:
            engine.ended.add(one)

    engine.on_look = on_look
    assert reconcile() == dict.fromkeys((one, two, three), "succeeded")
    assert concluded == [three, two, one]
    assert engine.looks[:6] == [one, two, three] * 2


def test_without_waiting_every_job_is_looked_at_once(world):
    _, (one, two, three), engine, heard, _concluded, reconcile = world
    engine.ended.add(two)
    found = reconcile(wait=False)
    assert found == {one: "waiting", two: "succeeded", three: "waiting"}
    assert engine.looks == [one, two, three]
    assert heard.under_way == ["001-work"] * 2
    engine.ended |= {one, three}
    assert reconcile(wait=False) == dict.fromkeys((one, two, three), "succeeded")


def test_an_engine_that_is_away_for_a_while_disturbs_nobody(world):
    _, jobs, engine, heard, _, reconcile = world
    engine.ended |= set(jobs)
    engine.away = 4
    assert reconcile() == dict.fromkeys(jobs, "succeeded")
    assert heard.notes == ["  the engine is away; asking again"] * 4


def test_an_engine_that_is_away_stops_a_pass_that_does_not_wait(world):
    _, jobs, engine, _, _, reconcile = world
    engine.ended |= set(jobs)
    engine.away = 1
    assert list(reconcile(wait=False).values()) == ["waiting", "succeeded", "succeeded"]


def test_a_job_that_is_cancelled_meanwhile_ends_alone(world):
    platform, (one, two, three), engine, _, _, reconcile = world

    def cancel_two():
        path = f"registry/jobs/{two}.yaml"
        text = (platform.repo / path).read_text()
        platform.write(path, f"{text}cancelled: {{reason: not needed}}\n")
        platform.commit("Cancel")

    threading.Timer(0.5, cancel_two).start()
    engine.on_look = lambda _job: engine.ended.update({one, three} if two in engine.ended else ())
    assert reconcile() == {one: "succeeded", two: "cancelled", three: "succeeded"}


def test_ctrl_c_leaves_everything_and_says_so(world):
    _, _jobs, engine, heard, _, reconcile = world

    def stop(_job):
        raise KeyboardInterrupt

    engine.on_look = stop
    with pytest.raises(KeyboardInterrupt):
        reconcile()
    assert "3 runs go on without us" in heard.notes[-1]
