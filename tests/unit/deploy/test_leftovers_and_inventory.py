"""What should have ended is found, what works is left alone, and extra rights are seen."""

from datetime import UTC, datetime

import pytest

from neurocaas_ci.deploy.foundation import foundation_template
from neurocaas_ci.deploy.inventory import (
    Role,
    Tagged,
    audit_doors,
    audit_roles,
    audit_tagged,
    declared_roles,
)
from neurocaas_ci.deploy.leftover import (
    CellSeen,
    EnvironmentSeen,
    JobSeen,
    LogsSeen,
    MachineSeen,
    RoleSeen,
    judge_cells,
    judge_environments,
    judge_jobs,
    judge_logs,
    judge_machines,
    judge_roles,
)
from neurocaas_ci.deploy.status import judge_status
from neurocaas_ci.model.deploy import EngineState, StackState
from neurocaas_ci.report.deploy import drift_text, leftovers_text, status_text

NOW = 1_000_000.0
HOUR = 3600


def job(status="RUNNING", *, age=0, ran=None, limit=HOUR):
    return JobSeen(
        "id", "run", "queue", status, NOW - age, None if ran is None else NOW - ran, limit
    )


@pytest.mark.parametrize(
    ("seen", "says", "ends"),
    [
        (job(ran=HOUR), "", None),
        (job(ran=HOUR + 14 * 60), "", None),
        (job(ran=HOUR + 16 * 60), "has run for 1h16m, its limit was 1h", True),
        (job(ran=47 * HOUR, limit=None), "", None),
        (job(ran=49 * HOUR, limit=None), "has no limit", False),
        (job("RUNNABLE", age=24 * HOUR), "", None),
        (job("RUNNABLE", age=26 * HOUR), "has waited for a machine since 1d2h", True),
        (job("PENDING", age=26 * HOUR), "", None),
    ],
)
def test_jobs_past_their_time(seen, says, ends):
    found = judge_jobs([seen], NOW)
    assert [item.ends for item in found] == ([] if ends is None else [ends])
    assert all(says in item.reason for item in found)


@pytest.mark.parametrize(
    ("up", "tasks", "coming", "ends"),
    [
        (20 * 60, None, False, None), (40 * 60, None, False, True), (40 * 60, None, True, True),
        (50 * 60, 0, False, None), (70 * 60, 0, False, True), (70 * 60, 0, True, False),
        (9 * HOUR, 1, False, None),
    ],
)  # fmt: skip
def test_machines_without_work(up, tasks, coming, ends):
    found = judge_machines(
        [MachineSeen("i-1", "m5.large", NOW - up, tasks)], NOW, jobs_coming=coming
    )
    assert [item.ends for item in found] == ([] if ends is None else [ends])


def test_environments_of_earlier_deployments_end_when_their_jobs_have():
    seen = [
        EnvironmentSeen("new", True, 3),
        EnvironmentSeen("old", False, 2),
        EnvironmentSeen("x", False, 0),
    ]
    assert [(i.name, i.ends) for i in judge_environments(seen)] == [("old", False), ("x", True)]


@pytest.mark.parametrize(
    ("job_id", "age", "over", "busy", "says", "ends"),
    [
        ("ada/2026-11/one", 23 * HOUR, "it was cancelled", 0, "", None),
        ("ada/2026-11/one", 25 * HOUR, "it was cancelled", 0, "ago; it was cancelled", True),
        # A replay of a job that is over has a role of the same kind.
        ("ada/2026-11/one", 25 * HOUR, "it was cancelled", 1, "", None),
        ("ada/2026-11/one", 900 * HOUR, "", 0, "", None),
        ("", 25 * HOUR, "", 0, "does not say for which job", False),
    ],
)
def test_roles_of_jobs_that_are_over(job_id, age, over, busy, says, ends):
    seen = RoleSeen("neurocaas-job-1", job_id, NOW - age, over, busy)
    found = judge_roles([seen], NOW)
    assert [item.ends for item in found] == ([] if ends is None else [ends])
    assert all(says in item.reason for item in found)


@pytest.mark.parametrize(
    ("age", "lost", "busy", "ends"),
    [(23, 0, False, None), (25, 0, False, True), (25, 2, False, False), (25, 0, True, None)],
)
def test_cells_of_jobs_that_are_certified(age, lost, busy, ends):
    seen = CellSeen("s3://b/groups/g/cells/0", "ada/2026-11/one", NOW - age * HOUR, lost, busy)
    found = judge_cells([seen], NOW)
    assert [item.ends for item in found] == ([] if ends is None else [ends])
    assert all(("2 results" in item.reason) == bool(lost) for item in found)


@pytest.mark.parametrize(
    ("days", "home", "busy", "says"),
    [
        (0.9, True, False, None),
        (1.1, True, False, "the store has the logs"),
        (1.1, False, False, None),
        (90.9, False, False, None),
        (91.1, False, False, "its log group has dropped them"),
        (1.1, True, True, None),
        (91.1, False, True, None),
    ],
)
def test_logs_of_jobs_that_are_certified(days, home, busy, says):
    seen = LogsSeen("/g:ada/0", "ada/2026-11/one", NOW - days * 24 * HOUR, home, busy)
    found = judge_logs([seen], NOW)
    assert [says in item.reason for item in found] == ([] if says is None else [True])


def test_extra_policies_are_seen_and_declared_ones_are_not():
    declared = declared_roles([foundation_template()])
    managed = "arn:aws:iam::aws:policy/service-role/AWSBatchServiceRole"
    good = Role("neurocaas-batch", (), (managed,))
    assert audit_roles([good], declared) == []
    bad = Role(
        "neurocaas-batch", ("more",), (managed, "arn:aws:iam::aws:policy/AdministratorAccess")
    )
    found = audit_roles([bad, Role("neurocaas-stranger", (), ())], declared)
    assert drift_text(found) == (
        "policy   role neurocaas-batch: has the inline policy more besides its own\n"
        "policy   role neurocaas-batch: has arn:aws:iam::aws:policy/AdministratorAccess attached\n"
        "extra    role neurocaas-stranger: is in our path and in no stack\n"
    )


def test_a_role_that_lost_its_boundary_is_seen():
    template = {"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {
        "RoleName": "neurocaas-group-lab", "PermissionsBoundary": "x"}}}}  # fmt: skip
    (found,) = audit_roles([Role("neurocaas-group-lab", (), ())], declared_roles([template]))
    assert "lost its permissions boundary" in found.detail


def test_resources_with_our_tag_are_known_by_any_form_of_their_name():
    tagged = [
        Tagged("arn:aws:s3:::neurocaas-1-us-east-1", "foundation"),
        Tagged("arn:aws:ec2:us-east-1:1:vpc/vpc-1", "foundation"),
        Tagged("arn:aws:logs:us-east-1:1:log-group:/neurocaas/groups/lab", "log"),
        Tagged("arn:aws:batch:us-east-1:1:compute-environment/mine", "environment"),
        Tagged("arn:aws:ec2:us-east-1:1:instance/i-1", "machine"),
        Tagged("arn:aws:ec2:us-east-1:1:vpc/vpc-2", "foundation"),
        Tagged("arn:aws:batch:us-east-1:1:compute-environment/old", "environment"),
    ]
    physical = [
        "neurocaas-1-us-east-1", "vpc-1", "/neurocaas/groups/lab",
        "arn:aws:batch:us-east-1:1:compute-environment/mine",
    ]  # fmt: skip
    found = audit_tagged(tagged, physical)
    assert [item.what.rpartition("/")[2] for item in found] == ["old", "vpc-2"]
    assert "--watchdog --end" in found[0].detail


def test_an_open_door_is_seen():
    (found,) = audit_doors([("sg-1", "ours", ["tcp 22-22 from 0.0.0.0/0"]), ("sg-2", "shut", [])])
    assert found.detail == "lets in tcp 22-22 from 0.0.0.0/0"


def state(status, template="t", commit="b" * 40, reason=""):
    return StackState("s", status, reason, datetime(2026, 11, 29, 8, tzinfo=UTC), commit, template)


@pytest.mark.parametrize(
    ("seen", "engines", "text"),
    [
        (None, (), ("s\n  Sync    not deployed: main is at aaaaaaaaaaaa\n"
                   "  Health  missing: there is no such stack\n")),
        (state("UPDATE_COMPLETE"), (), ("s\n  Sync    in sync: deployed by bbbbbbbbbbbb; nothing since then changes the cloud\n"
                   "  Health  healthy since 2026-11-29T08:00:00Z\n")),
        (state("UPDATE_COMPLETE", "old"), (), ("s\n  Sync    out of sync: main is at aaaaaaaaaaaa, deployed is bbbbbbbbbbbb\n"
                   "  Health  healthy since 2026-11-29T08:00:00Z\n")),
        (state("UPDATE_IN_PROGRESS", commit="a" * 40), (), ("s\n  Sync    in sync: deployed by aaaaaaaaaaaa\n"
                   "  Health  progressing since 2026-11-29T08:00:00Z: UPDATE_IN_PROGRESS\n")),
        (state("UPDATE_ROLLBACK_COMPLETE", "old", reason="Q: no"), (),
                   ("s\n  Sync    out of sync: main is at aaaaaaaaaaaa, deployed is bbbbbbbbbbbb\n"
                   "  Health  degraded since 2026-11-29T08:00:00Z: UPDATE_ROLLBACK_COMPLETE: Q: no\n")),
        (state("UPDATE_COMPLETE", commit="a" * 40), (EngineState("q", "ready"), EngineState("e", "broken", "no role")),
                   ("s\n  Sync    in sync: deployed by aaaaaaaaaaaa\n"
                   "  Health  degraded since 2026-11-29T08:00:00Z: e does not work: no role\n")),
        (state("UPDATE_COMPLETE", commit="a" * 40), (EngineState("q", "changing"),),
                   ("s\n  Sync    in sync: deployed by aaaaaaaaaaaa\n"
                   "  Health  progressing since 2026-11-29T08:00:00Z: q not ready yet\n")),
    ],
)  # fmt: skip
def test_status_in_two_words_and_their_reasons(seen, engines, text):
    status = judge_status("s", seen, wanted="a" * 40, template="t", engines=engines)
    assert status_text([status]) == text


def test_what_cannot_be_said_is_not_guessed():
    assert judge_status("s", state("UPDATE_COMPLETE"), wanted="a", template=None).sync == "unknown"


def test_nothing_is_said_in_so_many_words():
    assert drift_text([]) == "no drift: the cloud is as the templates say\n"
    assert leftovers_text([], ended=False) == "nothing is left over\n"
