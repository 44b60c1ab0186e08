"""Processors are never promised twice, and nobody who waits is overtaken."""

from __future__ import annotations

import random
import threading
import time

import pytest

from neurocaas_ci.run.processors import Processors


@pytest.mark.parametrize("count", [1, 2, 5])
def test_never_more_than_there_are(count):
    processors = Processors(count)
    lock = threading.Lock()
    used, worst = 0, 0
    generator = random.Random(count)
    needs = [generator.randint(1, count + 2) for _ in range(60)]

    def work(need):
        nonlocal used, worst
        with processors.take(need):
            with lock:
                used += min(need, count)
                worst = max(worst, used)
            time.sleep(0.001)
            with lock:
                used -= min(need, count)

    threads = [threading.Thread(target=work, args=(need,)) for need in needs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert worst == count


def test_a_large_request_is_not_starved_by_small_ones():
    processors = Processors(2)
    order = []
    wants = threading.Event()

    def small(name, hold):
        with processors.take(1):
            order.append(name)
            hold.wait(10)

    release = threading.Event()
    early = threading.Thread(target=small, args=("early", release))
    early.start()
    while not order:
        time.sleep(0.001)

    def large():
        wants.set()
        with processors.take(2):
            order.append("large")

    waiting = threading.Thread(target=large)
    waiting.start()
    wants.wait(10)
    time.sleep(0.05)
    late = threading.Thread(target=small, args=("late", release))
    late.start()
    time.sleep(0.05)
    assert order == ["early"]
    release.set()
    for thread in (early, waiting, late):
        thread.join(10)
    assert order == ["early", "large", "late"]


def test_an_error_gives_them_back():
    processors = Processors(1)
    with pytest.raises(ZeroDivisionError), processors.take(1):
        raise ZeroDivisionError
    with processors.take(1):
        pass
