"""Applying reaches the wish from every state a stack can be in, or says what is in the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from neurocaas_ci.deploy.apply import Clock, apply, stamp_of
from neurocaas_ci.deploy.interface import Proposal
from neurocaas_ci.errors import BackendUnavailableError, DeployError
from neurocaas_ci.model.deploy import StackState

OLD, NEW = ({"Resources": {"A": {"Type": "T", "Properties": {"N": n}}}} for n in (1, 2))
START = datetime(2026, 11, 29, tzinfo=UTC)


class Cloud:
    """CloudFormation in memory: `script` is how a started change goes on, a status for each look."""

    def __init__(self, status=None, template=OLD, script=("UPDATE_COMPLETE",), removed=()):
        self.status = status
        self.stamp = stamp_of(template, {})
        self.script = list(script)
        self.coming = []
        self.removed = removed
        self.calls = []
        self.protected = False
        self.reason = ""
        self.looks = 0
        self.answer = None
        self.since = START

    def observe(self, stack):
        self.looks += 1
        if self.coming:
            self.status = self.coming.pop(0)
            if self.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
                self.stamp = self.next
            if self.status == "DELETE_COMPLETE":
                self.status = None
        if self.status is None:
            return None
        return StackState(
            stack, self.status, self.reason, self.since, "c", self.stamp, self.protected
        )

    def propose(self, wanted, *, create):
        self.calls.append(("propose", create))
        self.next = stamp_of(NEW, {})
        if self.answer:
            return self.answer.pop(0) if isinstance(self.answer, list) else self.answer
        return Proposal("ready", "", self.removed)

    def execute(self, wanted):
        self.calls.append("execute")
        self.since += timedelta(seconds=1)
        self.coming = list(self.script)

    def discard(self, wanted):
        self.calls.append("discard")

    def mend(self, stack, how):
        self.calls.append(how)
        self.protected = self.protected or how == "protect"
        if how == "delete":
            self.coming = ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
        if how == "continue rollback":
            self.coming = ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.passed = 0.0

    def sleep(self, seconds):
        self.passed += seconds


def run(cloud, patience=60.0, **more):
    time = Time()
    clock = Clock(lambda: time.passed, time.sleep)
    return apply(cloud, "s", NEW, "c" * 40, clock=clock, patience=patience, **more)


@pytest.mark.parametrize(
    ("status", "script", "calls"),
    [
        (None, ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"], [("propose", True), "execute"]),
        ("REVIEW_IN_PROGRESS", ["CREATE_COMPLETE"], [("propose", True), "execute"]),
        ("CREATE_COMPLETE", ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"], [("propose", False), "execute"]),
        ("UPDATE_ROLLBACK_COMPLETE", ["UPDATE_COMPLETE"], [("propose", False), "execute"]),
        ("ROLLBACK_COMPLETE", ["CREATE_COMPLETE"], ["delete", ("propose", True), "execute"]),
        ("UPDATE_ROLLBACK_FAILED", ["UPDATE_COMPLETE"],
         ["continue rollback", ("propose", False), "execute"]),
    ],
)  # fmt: skip
def test_every_state_leads_to_the_wish(status, script, calls):
    cloud = Cloud(status, script=script)
    done = run(cloud)
    assert done.changed
    assert done.state.template == stamp_of(NEW, {})
    assert cloud.calls == calls


def test_what_is_already_so_is_left_alone():
    cloud = Cloud("UPDATE_COMPLETE", NEW)
    assert not run(cloud).changed
    assert cloud.calls == []


def test_a_change_set_without_changes_is_a_success():
    cloud = Cloud("UPDATE_COMPLETE")
    cloud.answer = Proposal("empty")
    assert not run(cloud).changed
    assert cloud.calls == [("propose", False), "discard"]


def test_somebody_elses_change_is_waited_for():
    cloud = Cloud("UPDATE_IN_PROGRESS", NEW)
    cloud.next = stamp_of(NEW, {})
    cloud.coming = ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
    assert not run(cloud).changed
    assert cloud.calls == []


def test_a_stack_that_stays_busy_is_said_with_what_to_do():
    with pytest.raises(BackendUnavailableError, match="not finished after 60 seconds") as caught:
        run(Cloud("UPDATE_IN_PROGRESS"))
    assert "--status" in caught.value.hint


def test_a_change_that_was_taken_back_is_an_error_with_its_reason():
    cloud = Cloud(
        "UPDATE_COMPLETE", script=["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]
    )
    cloud.reason = "Queue (AWS::Batch::JobQueue): no"
    with pytest.raises(DeployError, match="took the change back: Queue"):
        run(cloud)
    assert cloud.calls == [("propose", False), "execute"]


def test_a_first_deployment_that_fails_is_an_error_and_not_tried_for_ever():
    cloud = Cloud(None, script=["ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"])
    with pytest.raises(DeployError, match="could not make it"):
        run(cloud)
    assert cloud.calls.count("execute") == 1


def test_a_rollback_that_fails_again_and_again_is_left_to_people():
    cloud = Cloud("UPDATE_ROLLBACK_FAILED")
    cloud.mend = lambda stack, how: cloud.calls.append(how)
    with pytest.raises(BackendUnavailableError, match="stays in UPDATE_ROLLBACK_FAILED"):
        run(cloud)
    assert cloud.calls == ["continue rollback"] * 2


def test_a_refused_change_is_an_error_and_changes_nothing():
    cloud = Cloud("UPDATE_COMPLETE")
    cloud.answer = Proposal("failed", "No export named x")
    with pytest.raises(DeployError, match="refuses the change: No export named x"):
        run(cloud)
    assert "execute" not in cloud.calls


def test_an_outdated_change_set_is_made_again():
    cloud = Cloud("UPDATE_COMPLETE")
    cloud.answer = [Proposal("stale"), Proposal("pending"), Proposal("ready")]
    assert run(cloud).changed
    assert cloud.calls == [
        ("propose", False), "discard", ("propose", False), ("propose", False), "execute",
    ]  # fmt: skip


def test_what_must_not_go_is_asked_about_before_anything_starts():
    removed = (("AWS::Batch::JobQueue", "neurocaas-x"),)
    cloud = Cloud("UPDATE_COMPLETE", removed=removed)

    def refuse(found):
        assert found == removed
        raise BackendUnavailableError("jobs")

    with pytest.raises(BackendUnavailableError, match="jobs"):
        run(cloud, may_remove=refuse)
    assert "execute" not in cloud.calls


def test_protection_is_switched_on_once():
    cloud = Cloud("UPDATE_COMPLETE", NEW)
    run(cloud, protect=True)
    run(cloud, protect=True)
    assert cloud.calls == ["protect"]


def test_a_change_that_begins_late_is_not_taken_for_one_that_failed():
    cloud = Cloud(
        "UPDATE_ROLLBACK_COMPLETE",
        script=["UPDATE_ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"],
    )
    late, since = cloud.observe, cloud.since

    def observe(stack):
        state = late(stack)
        early = len(cloud.coming) == 2
        return StackState(*(getattr(state, k) for k in ("name", "status", "reason")),
                          since if early else cloud.since, "c", state.template)  # fmt: skip

    cloud.observe = observe
    assert run(cloud).changed


def test_parameters_are_part_of_what_a_stack_is():
    assert stamp_of(NEW, {}) == stamp_of(NEW, {"Email": ""})
    assert stamp_of(NEW, {"Email": "a"}) != stamp_of(NEW, {"Email": "b"})
