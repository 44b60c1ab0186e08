"""Those who ask in turns are answered together, and nobody gets an answer that is too old."""

from __future__ import annotations

import pytest

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.executors import gathering
from neurocaas_ci.executors.gathering import Gathering


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

    monkeypatch.setattr(gathering.time, "monotonic", lambda: Clock.now)
    return Clock


class Engine:
    def __init__(self):
        self.states = {"a": 1, "b": 1, "c": 1}
        self.questions = []

    def ask(self, keys):
        self.questions.append(tuple(keys))
        return {key: self.states[key] for key in keys if key in self.states}


def test_a_round_is_one_question_after_the_first(clock):
    engine = Engine()
    gathered = Gathering(engine.ask, fresh=2.0)
    assert [gathered([key]) for key in "abc"] == [{"a": 1}, {"b": 1}, {"c": 1}]
    assert engine.questions == [("a",), ("b",), ("c",)]
    clock.now += 5
    engine.states.update(a=2, b=2, c=2)
    assert [gathered([key]) for key in "abc"] == [{"a": 2}, {"b": 2}, {"c": 2}]
    assert engine.questions[3:] == [("a", "b", "c")]


def test_who_does_not_ask_any_more_is_forgotten(clock):
    engine = Engine()
    gathered = Gathering(engine.ask, fresh=2.0)
    gathered(["a", "b"])
    for _ in range(2):
        clock.now += 5
        gathered(["b"])
    assert engine.questions == [("a", "b"), ("a", "b"), ("b",)]


def test_an_answer_is_never_older_than_it_may_be(clock):
    engine = Engine()
    gathered = Gathering(engine.ask, fresh=2.0)
    gathered(["a"])
    engine.states["a"] = 2
    clock.now += 1.9
    assert gathered(["a"]) == {"a": 1}
    clock.now += 0.2
    assert gathered(["a"]) == {"a": 2}


def test_what_the_engine_has_forgotten_is_left_out_and_not_asked_for_at_once_again(clock):
    engine = Engine()
    gathered = Gathering(engine.ask, fresh=2.0)
    assert gathered(["a", "x"]) == {"a": 1}
    assert gathered(["x"]) == {}
    assert len(engine.questions) == 1


def test_a_question_that_failed_counts_as_not_asked(clock):
    engine = Engine()
    gathered = Gathering(engine.ask, fresh=2.0)
    gathered(["a"])
    clock.now += 5

    def away(_keys):
        raise BackendUnavailableError("away")

    gathered._ask, real = away, gathered._ask
    with pytest.raises(BackendUnavailableError):
        gathered(["a"])
    gathered._ask = real
    engine.states["a"] = 2
    assert gathered(["a"]) == {"a": 2}
