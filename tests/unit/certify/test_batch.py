"""Certificates reach main at once where that is allowed, and otherwise together, without a later job."""

import threading
import time

import pytest

from neurocaas_ci.certify.batch import Batch
from neurocaas_ci.errors import BackendUnavailableError, VerificationError


class Main:
    """Takes down what is pushed; `refuses` are jobs that it does not take."""

    def __init__(self, refuses=()):
        self.pushes, self.refuses = [], set(refuses)
        self.pushing = threading.Lock()

    def __call__(self, bundles):
        assert self.pushing.acquire(blocking=False), "two pushes at once"
        try:
            time.sleep(0.01)
            self.pushes.append(sorted(bundles))
        finally:
            self.pushing.release()
        return {job: VerificationError("taken") for job in bundles if job in self.refuses}


def test_without_a_pause_each_is_there_when_add_returns():
    main = Main()
    batch = Batch(main, 0)
    for number in range(3):
        batch.add(f"job-{number}", b"")
        assert main.pushes[-1] == [f"job-{number}"]
    assert batch.finish() == {}
    assert len(main.pushes) == 3


def test_what_follows_within_the_pause_goes_together_although_no_other_job_ends():
    main = Main()
    batch = Batch(main, 0.3)
    for number in range(4):
        batch.add(f"job-{number}", b"")
    assert main.pushes == [["job-0"]]
    deadline = time.monotonic() + 20
    while len(main.pushes) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert main.pushes[1] == ["job-1", "job-2", "job-3"]
    assert batch.finish() == {}
    assert len(main.pushes) == 2


def test_the_end_waits_for_nothing():
    main = Main()
    batch = Batch(main, 1000)
    batch.add("one", b"")
    batch.add("two", b"")
    assert batch.finish() == {}
    assert main.pushes == [["one"], ["two"]]
    assert [
        t for t in threading.enumerate() if isinstance(t, threading.Timer) and not t.daemon
    ] == []


def test_an_error_is_told_once_by_add_or_at_the_end():
    main = Main(refuses=["one", "three"])
    batch = Batch(main, 1000)
    with pytest.raises(VerificationError):
        batch.add("one", b"")
    batch.add("two", b"")
    batch.add("three", b"")
    assert list(batch.finish()) == ["three"]


def test_many_threads_lose_nothing_and_never_push_at_once():
    main = Main()
    batch = Batch(main, 0.05)
    threads = [threading.Thread(target=batch.add, args=(f"job-{n}", b"")) for n in range(60)]
    for thread in threads:
        thread.start()
        time.sleep(0.002)
    for thread in threads:
        thread.join()
    assert batch.finish() == {}
    assert sorted(job for push in main.pushes for job in push) == sorted(
        f"job-{n}" for n in range(60)
    )
    assert len(main.pushes) < 60


def test_an_error_of_another_kind_is_not_swallowed():
    def broken(_bundles):
        raise BackendUnavailableError("away")

    with pytest.raises(BackendUnavailableError):
        Batch(broken, 0).add("one", b"")
