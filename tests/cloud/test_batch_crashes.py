"""The runner dies at every one of its external calls: nothing is lost, nothing is run twice."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from pathlib import Path

import pytest
from bridge.cloud import running

from neurocaas_ci.executors.attempts import read_attempts
from neurocaas_ci.executors.aws_batch import AwsBatchExecutor
from neurocaas_ci.executors.batch.client import Batch
from neurocaas_ci.executors.batch.requests import Settings
from neurocaas_ci.executors.interface import RunGraph
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.registry import Hardware
from neurocaas_ci.model.run import Isolation, RunRecord, RunSpec, Usage
from neurocaas_ci.run import records
from neurocaas_ci.stores.directory import DirectoryState

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

IMAGE = "small@sha256:" + "d" * 64
QUEUE = "neurocaas-m5-large-standard"
MACHINE = Hardware("m5.large", "aws", 2, 8 << 30, 0, 0.096, 0.036, "test", "2026-11-01")
ZERO = Sha256("0" * 64)
RECORD = RunRecord(
    job="", run="", step="", identity=ZERO, status="succeeded", reason="exited", message="",
    exit_code=0, image=ZERO, inputs=(), outputs=(), log=None, usage=Usage(wall_s=1.0),
    isolation=Isolation("none"), hardware="m5.large", started="2026-11-01T00:00:00.000Z",
    ended="2026-11-01T00:00:01.000Z",
)  # fmt: skip


class Crash(BaseException):
    """The process is gone."""


class Calls:
    """Count the calls to the outside and die at one: before it is made, or after, unanswered."""

    def __init__(self, deadly=None, *, after=False):
        self.count, self.deadly, self.after = 0, deadly, after
        self.dead = False

    def around(self, call):
        def made(*args, **kwargs):
            self.count += 1
            mine = self.count == self.deadly
            if self.dead or (mine and not self.after):
                self.dead = True
                raise Crash
            result = call(*args, **kwargs)
            if mine:
                self.dead = True
                raise Crash
            return result

        return made


class Proxy:
    """A port whose every call counts; claims are given back as the kernel does it."""

    def __init__(self, port, calls, methods):
        self._port = port
        for name in methods:
            setattr(self, name, calls.around(getattr(port, name)))

    def __getattr__(self, name):
        return getattr(self._port, name)

    @contextlib.contextmanager
    def claim(self, key, *, wait):
        with self._port.claim(key, wait=wait) as claim:
            yield claim


class Books:
    """What the executor asks of runs, answered from the records that small workers leave."""

    def __init__(self, state):
        self.state = state

    def finished(self, spec):
        data = self.state.read(records.record_key(spec.job, spec.run))
        return None if data is None else records.decode_record(data)

    def settle(self, spec):
        return self.finished(spec)


@pytest.fixture(scope="module")
def cloud():
    with running() as account:
        account.queue(QUEUE, "m5.large", vcpus=12)
        yield account
        assert account.left() == []


def chain(job, count=2):
    def spec(run, step, needs):
        return RunSpec(
            job=job, run=run, step=step, image=ZERO, command=("x",), environment={}, config={},
            inputs=(), needs=needs, outputs_required=(), limits=RunLimits(), max_runtime=60,
            hardware="m5.large", determinism="none",
        )  # fmt: skip

    first = [spec(f"{k}-one", "one", {}) for k in range(count)]
    second = [spec(f"{k}-two", "two", {"steps/one": f"{k}-one"}) for k in range(count)]
    return [*first, *second]


class Setting:
    """One job with a state folder of its own."""

    def __init__(self, cloud, folder, number, monkeypatch):
        for name, value in cloud.variables().items():
            monkeypatch.setenv(name, value)
        self.batch = _connected()
        self.job = f"ada/2026-11/crash-{number}"
        self.specs = chain(self.job)
        self.state = DirectoryState(folder)
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        program = bin_folder / "neurocaas"
        worker = Path(__file__).with_name("small_worker.py")
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E {worker} "$@"\n')
        program.chmod(0o755)
        # Not the same image for two: it says where the state is.
        self.image = IMAGE.replace("small", f"small-{number}")
        cloud.host.images[self.image] = {
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "SMALL_STATE": str(folder / "state"),
            "SMALL_RECORD": records.encode_record(RECORD).decode(),
        }

    def executor(self, calls):
        batch = Proxy(
            self.batch, calls,
            ["define", "submit", "find", "describe", "tasks", "end"],
        )  # fmt: skip
        state = Proxy(self.state, calls, ["read", "write"])
        return AwsBatchExecutor(
            Books(self.state), batch, state, Settings(self.image, "", self.job, "/neurocaas/batch", isolation="none"),
            hardware=lambda _name: MACHINE, deliver=calls.around(lambda _image: None), encode=records.encode_spec, say=lambda _text: None,
            slowest=0.1,
        )  # fmt: skip

    def carry(self, calls):
        """Take up what has no record, as a pass of the runner does; return the runs that ended."""
        books = Books(self.state)
        left = [spec for spec in self.specs if books.finished(spec) is None]
        done = [spec for spec in self.specs if spec not in left]
        executor = self.executor(calls)
        executor.submit(RunGraph(self.job, left, 100, done=done))
        return [result.run for result in executor.collect()]

    def paid(self):
        """Return how many attempts of each run are in the books."""
        kept = {s.run: read_attempts(self.state, self.job, s.run) or {} for s in self.specs}
        return {
            run: sum(len(row["attempts"]) for row in document.get("jobs", ()))
            for run, document in kept.items()
        }

    def starts(self):
        return {
            spec.run: len(self.state.read(f"jobs/{self.job}/runs/{spec.run}/starts") or b"")
            for spec in self.specs
        }


def names(cloud):
    batch = cloud.client("batch")
    listed = batch.list_jobs(jobQueue=QUEUE, filters=[{"name": "JOB_NAME", "values": ["*"]}])
    return [job["jobName"] for job in listed["jobSummaryList"] if ":" not in job["jobId"]]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_runner_that_dies_at_any_call(cloud, tmp_path, monkeypatch, after):
    whole = Calls()
    setting = Setting(cloud, _new(tmp_path, "whole"), f"{after}-whole", monkeypatch)
    setting.carry(whole)
    assert whole.count > 15
    deaths = 0
    # As it waits it asks the same again and again; the calls of a pass without waiting are enough.
    for deadly in range(1, whole.count + 1):
        setting = Setting(cloud, _new(tmp_path, str(deadly)), f"{after}-{deadly}", monkeypatch)
        calls = Calls(deadly, after=after)
        try:
            setting.carry(calls)
        except Crash:
            deaths += 1
        setting.carry(Calls())
        assert set(setting.starts().values()) == {1}, f"call {deadly} of {whole.count}"
        mine = [name for name in names(cloud) if f"crash-{after}-{deadly}-".lower() in name]
        assert len(mine) == len(set(mine)) == 2, f"call {deadly} of {whole.count}: {mine}"
        assert setting.paid() == dict.fromkeys(setting.starts(), 1), f"call {deadly}"
    assert deaths > 15
    assert cloud.left() == []


@functools.cache
def _connected():
    return Batch.connect()


def _new(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    return folder
