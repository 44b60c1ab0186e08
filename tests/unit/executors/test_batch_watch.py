"""Batch is asked little, and a task that moves while it is listed is never taken for lost."""

from __future__ import annotations

from neurocaas_ci.executors.batch.watch import Watch
from neurocaas_ci.executors.batch.words import STATES
from neurocaas_ci.executors.submissions import Submission

ARRAY = Submission("n", ("a", "b", "c"), 0.0, "id")
ONE = Submission("m", ("d",), 0.0, "single")


class Account:
    """Answers from a table of states; `meanwhile` is called between two lists."""

    def __init__(self, states):
        self.states = dict(states)
        self.calls = []
        self.meanwhile = lambda: None

    def describe(self, ids):
        self.calls.append(("describe", tuple(ids)))
        found = {}
        for job in ids:
            tasks = [s for i, s in self.states.items() if i.startswith(f"{job}:")]
            if tasks:
                counts = {state: tasks.count(state) for state in STATES}
                found[job] = {
                    "jobId": job, "status": "PENDING", "arrayProperties": {"statusSummary": counts},
                }  # fmt: skip
            elif job in self.states:
                found[job] = {"jobId": job, "status": self.states[job]}
        return found

    def tasks(self, array, statuses):
        for status in statuses:
            self.calls.append(("list", status))
            listed = [i for i, s in self.states.items() if s == status and i.startswith(array)]
            yield from ({"jobId": i, "status": status} for i in listed)
            self.meanwhile()


def watching(account):
    return Watch(account.tasks, account.describe)


def states(watch, *submissions):
    return {i: s.status for i, s in watch.look(submissions).items()}


def test_an_array_is_listed_from_its_first_state_and_again_only_when_counts_change():
    account = Account({"id:0": "RUNNING", "id:1": "RUNNABLE", "id:2": "RUNNING"})
    watch = watching(account)
    assert states(watch, ARRAY) == account.states
    assert ("list", "PENDING") not in account.calls
    account.calls.clear()
    assert states(watch, ARRAY) == account.states
    assert account.calls == [("describe", ("id",))]
    account.states["id:0"] = "SUCCEEDED"
    assert states(watch, ARRAY) == account.states


def test_what_has_ended_is_not_asked_for_again():
    account = Account(
        {"id:0": "SUCCEEDED", "id:1": "FAILED", "id:2": "SUCCEEDED", "single": "FAILED"}
    )
    watch = watching(account)
    states(watch, ARRAY, ONE)
    account.calls.clear()
    assert len(states(watch, ARRAY, ONE)) == 4
    assert account.calls == [("describe", ())]


def test_a_task_that_goes_on_while_it_is_listed_is_not_lost():
    account = Account({"id:0": "RUNNABLE", "id:1": "RUNNABLE", "id:2": "RUNNABLE"})
    account.meanwhile = lambda: account.states.update({"id:1": "STARTING"})
    assert states(watching(account), ARRAY)["id:1"] in {"RUNNABLE", "STARTING"}


def test_a_task_that_is_tried_again_while_it_is_listed_is_not_lost():
    account = Account({"id:0": "RUNNABLE", "id:1": "RUNNING", "id:2": "RUNNING"})
    account.meanwhile = lambda: account.states.update({"id:1": "RUNNABLE"})
    watch = watching(account)
    assert states(watch, ARRAY)["id:1"] == "SUBMITTED"
    # What did not add up is listed again.
    assert states(watch, ARRAY)["id:1"] == "RUNNABLE"


def test_what_batch_has_forgotten_is_left_out():
    assert states(watching(Account({})), ARRAY, ONE) == {}


def test_what_was_not_taken_is_not_asked_for():
    account = Account({})
    watching(account).look([Submission("x", ("a",), 0.0, None)])
    assert account.calls == [("describe", ())]


def test_an_array_whose_tasks_all_run_or_all_succeeded_is_not_listed():
    for state in ("RUNNING", "SUCCEEDED"):
        account = Account({f"id:{k}": state for k in range(3)})
        assert states(watching(account), ARRAY) == account.states
        assert account.calls == [("describe", ("id",))]
