"""Who has to approve what: author by change."""

from __future__ import annotations

import pytest
from plans import ADA, BASE, EVE, GRACE, PLATFORM, POLICY, STRANGER, edited, plan

from builder import (  # isort: skip - found beside the rules' tests, through plans
    BLUEPRINT,
    JOB,
    LINK,
    NEW_JOB,
    VALID,
    mv,
    new_job,
    put,
    rm,
    sub,
)
from neurocaas_ci.plan.approvals import MAX_FILES
from neurocaas_ci.registry.changes import Change

CANCEL = sub(JOB, "pricing:", "cancelled: {reason: enough}\npricing:")
_OPEN = {path: text for path, text in BASE.items() if not path.startswith("certificates/")}


def _one(change, author=ADA, files=BASE, **options):
    plan_ = plan(change, files=files, author=author, **options)
    assert len(plan_.approvals) == 1
    return plan_.approvals[0]


@pytest.mark.parametrize(
    ("change", "author", "level", "approvers"),
    [
        (new_job(), ADA, "auto", ()),
        (new_job(), GRACE, "maintainer", ("grace",)),
        (new_job(), STRANGER, "maintainer", ("grace",)),
        (new_job(), None, "maintainer", ("grace",)),
        (new_job(("user: ada", "user: eve")), ADA, "maintainer", ("grace",)),
        (new_job(("user: ada", "user: eve")), EVE, "maintainer", ("grace",)),
        (new_job(("size: 10", "size: 10, size: 11")), ADA, "maintainer", ("grace",)),
        (new_job(("demo@1.0.0", "demo@9.9.9")), ADA, "maintainer", ("grace",)),
        (sub(JOB, "rounds: 5", "rounds: 6"), ADA, "maintainer", ("grace",)),
        (rm(JOB), ADA, "maintainer", ("grace",)),
        (sub(BLUEPRINT, "1.0.0", "1.1.0"), ADA, "owner", ("ada",)),
        (sub(BLUEPRINT, "1.0.0", "1.1.0"), STRANGER, "owner", ("ada",)),
        (sub(BLUEPRINT, "[ada]", "[eve]"), EVE, "owner", ("ada",)),
        (rm(BLUEPRINT), ADA, "maintainer", ("grace",)),
        (put("registry/blueprints/new.yaml", "x"), ADA, "maintainer", ("grace",)),
        (put("registry/blueprints/sub/new.yaml", "x"), ADA, "maintainer", ("grace",)),
        (put("iae/demo/src/more.py", "x"), ADA, "owner", ("ada",)),
        (put("iae/spare/workflow.py", "x"), ADA, "maintainer", ("grace",)),
        (put("iae/new/iae.yaml", "x"), ADA, "maintainer", ("grace",)),
        (put("iae/loose", "x"), ADA, "maintainer", ("grace",)),
        (rm("iae/demo/base.lock"), ADA, "maintainer", ("grace",)),
        (put("iae/demo/workflow.py", f"{LINK}/etc/passwd"), ADA, "maintainer", ("grace",)),
        (put(NEW_JOB, f"{LINK}first.yaml"), ADA, "maintainer", ("grace",)),
        (sub("registry/users/ada.yaml", "10", "99"), ADA, "maintainer", ("grace",)),
        (sub("registry/users/eve.yaml", "id: 3", "id: 9"), EVE, "maintainer", ("grace",)),
        (sub("registry/groups/lab.yaml", "100", "900"), ADA, "maintainer", ("grace",)),
        (sub("registry/hardware/small.yaml", "1}", "0.1}"), ADA, "maintainer", ("grace",)),
        (sub(POLICY, "[grace]", "[eve]"), EVE, "maintainer", ("grace",)),
        (put(".github/workflows/run.yml", "x"), ADA, "maintainer", ("grace",)),
        (put("neurocaas_ci/new.py", "x"), ADA, "maintainer", ("grace",)),
        (put("Registry/jobs/ada/2026-11/x.yaml", "x"), ADA, "maintainer", ("grace",)),
        (put("certificates/ada/2026-11/x.sigstore.json", "{}"), PLATFORM, "auto", ()),
        (put("certificates/ada/2026-11/x.sigstore.json", "{}"), ADA, "maintainer", ("grace",)),
        (rm("certificates/ada/2026-11/first.sigstore.json"), PLATFORM, "maintainer", ("grace",)),
        (put("README.md", "x"), PLATFORM, "maintainer", ("grace",)),
    ],
)
def test_the_level_of_a_change(change, author, level, approvers) -> None:
    approval = _one(change, author)
    assert (approval.level, approval.approvers) == (level, approvers)
    assert approval.reason


@pytest.mark.parametrize("change", [new_job(), CANCEL, put("certificates/a/b/c", "{}")])
@pytest.mark.parametrize("author", [ADA, PLATFORM])
def test_nothing_is_automatic_while_a_rule_is_broken(change, author) -> None:
    assert _one(change, author, errors=True).level == "maintainer"


@pytest.mark.parametrize(
    ("author", "level"), [(ADA, "auto"), (EVE, "maintainer"), (None, "maintainer")]
)
def test_a_job_is_cancelled_by_whose_it_is(author, level) -> None:
    assert _one(CANCEL, author, _OPEN).level == level


@pytest.mark.parametrize(("old", "new"), [("rounds: 5", "rounds: 5.0"), ("group: lab\n", "")])
def test_a_cancellation_changes_nothing_else(old, new) -> None:
    def both(files) -> None:
        CANCEL(files)
        sub(JOB, old, new)(files)

    assert _one(both, files=_OPEN).level == "maintainer"


def test_a_cancellation_is_not_taken_back() -> None:
    assert _one(sub(JOB, "enough", "more"), files=edited(CANCEL, files=_OPEN)).level == "maintainer"
    assert _one(put(JOB, VALID[JOB]), files=edited(CANCEL, files=_OPEN)).level == "maintainer"


def test_a_job_over_budget_is_not_automatic_and_says_whose() -> None:
    many = "".join(f'  - {{uri: "store:{n}.csv", sha256: "{n:064x}", size: 1}}\n' for n in range(9))
    approval = _one(new_job(("datasets:\n", f"datasets:\n{many}")))
    assert approval.level == "maintainer"
    assert approval.reason == "it is over a budget: that of user ada"


def test_a_group_pays_only_for_those_who_are_members_at_the_base() -> None:
    outside = edited(sub("registry/groups/lab.yaml", "[ada, grace]", "[grace]"))
    assert _one(new_job(), files=outside).level == "maintainer"

    def joins(files) -> None:
        new_job()(files)
        sub("registry/groups/lab.yaml", "[grace]", "[ada, grace]")(files)

    levels = {a.path: a.level for a in plan(joins, files=outside).approvals}
    assert levels == {"registry/groups/lab.yaml": "maintainer", NEW_JOB: "maintainer"}
    assert _one(new_job(("group: lab\n", "")), files=outside).level == "auto"


def test_who_an_author_is_comes_from_the_base() -> None:
    def takes_over(files) -> None:
        # Eve gives herself the file of Ada, and with it Ada's jobs.
        sub("registry/users/ada.yaml", "forge_id: 1", "forge_id: 3")(files)
        new_job()(files)

    by_eve = plan(takes_over, author=EVE)
    assert {a.level for a in by_eve.approvals} == {"maintainer"}
    assert all(a.approvers == ("grace",) for a in by_eve.approvals)
    assert by_eve.author == "forge id 3"

    def registers(files) -> None:
        put("registry/users/zoe.yaml", VALID["registry/users/ada.yaml"].replace("ada", "zoe"))(
            files
        )
        text = VALID[JOB].replace("user: ada", "user: zoe").replace("group: lab\n", "")
        put("registry/jobs/zoe/2026-11/first.yaml", text)(files)

    assert {a.level for a in plan(registers, author=ADA).approvals} == {"maintainer"}


@pytest.mark.parametrize(
    ("change", "author", "name"),
    [
        (new_job(), ADA, "ada"),
        (sub("registry/users/eve.yaml", "Eve", "Eva"), EVE, "eve"),
        (sub(BLUEPRINT, "1.0.0", "1.1.0"), ADA, "ada"),
        (put("README.md", "x"), GRACE, "grace"),
        (put("README.md", "x"), STRANGER, "forge id 99"),
        (put("README.md", "x"), None, None),
    ],
)
def test_the_author_is_named_by_the_base(change, author, name) -> None:
    assert plan(change, author=author).author == name


def test_whoever_makes_themselves_maintainer_is_none_yet() -> None:
    def grabs(files) -> None:
        sub(POLICY, "[grace]", "[eve]")(files)
        sub(BLUEPRINT, "[ada]", "[eve]")(files)
        put("iae/demo/workflow.py", "x")(files)

    approvers = {a.path: a.approvers for a in plan(grabs, author=EVE).approvals}
    assert approvers == {POLICY: ("grace",), BLUEPRINT: ("ada",), "iae/demo/workflow.py": ("ada",)}


def test_an_environment_needs_somebody_who_maintains_all_that_use_it() -> None:
    voted = "registry/blueprints/voted.yaml"
    shared = edited(sub(BLUEPRINT, "[ada]", "[ada, eve]"), sub(voted, "[ada]", "[eve, grace]"))
    change = put("iae/demo/workflow.py", "x")
    assert _one(change, files=shared).approvers == ("eve",)
    apart = edited(sub(voted, "[ada]", "[eve]"))
    approval = _one(change, files=apart)
    assert (approval.level, approval.approvers) == ("maintainer", ("grace",))
    assert approval.reason == "nobody maintains all blueprints that use demo: demo, voted"


def _renamed(old, new, mode="100644"):
    return (Change(new, "renamed", "100644", mode, "a" * 40, "a" * 40, old),)


@pytest.mark.parametrize(
    ("old", "new", "level"),
    [
        (JOB, "registry/jobs/eve/2026-11/first.yaml", "maintainer"),
        ("registry/jobs/grace/2026-11/x.yaml", NEW_JOB, "maintainer"),
        ("iae/demo/workflow.py", "iae/demo/src/workflow.py", "owner"),
        ("iae/demo/workflow.py", "iae/spare/workflow.py", "maintainer"),
        ("README.md", "iae/demo/README.md", "maintainer"),
        (".github/workflows/run.yml", "iae/demo/run.yml", "maintainer"),
        (BLUEPRINT, "registry/blueprints/other.yaml", "maintainer"),
    ],
)
def test_the_old_name_of_a_rename_counts(old, new, level) -> None:
    for author in (ADA, EVE):
        found = plan(mv(old, new) if old in BASE else put(new, "x"),
                     changes=_renamed(old, new), author=author)  # fmt: skip
        assert [a.level for a in found.approvals] == [level]


@pytest.mark.parametrize(
    "change",
    [
        Change(BLUEPRINT, "modified", "100644", "100755", "a" * 40, "a" * 40),
        Change(BLUEPRINT, "typechange", "120000", "100644", "a" * 40, "b" * 40),
        Change("iae/demo/lib", "added", "000000", "160000", "0" * 40, "a" * 40),
        Change("iae/demo/lib", "typechange", "160000", "100644", "a" * 40, "b" * 40),
        Change(NEW_JOB, "added", "000000", "100755", "0" * 40, "a" * 40),
        *_renamed("iae/demo/workflow.py", "iae/demo/w.py", mode="100755"),
    ],
)
def test_links_submodules_and_modes_are_for_maintainers(change) -> None:
    found = plan(new_job(), changes=(change,))
    assert [(a.level, a.approvers) for a in found.approvals] == [("maintainer", ("grace",))]


def test_nobody_reviews_more_than_a_forge_lists() -> None:
    def flood(count):
        return [
            Change(f"iae/demo/src/{n}.py", "added", "000000", "100644", "0" * 40, "a" * 40)
            for n in range(count)
        ]

    assert {a.level for a in plan(changes=flood(MAX_FILES)).approvals} == {"owner"}
    assert {a.level for a in plan(changes=flood(MAX_FILES + 1)).approvals} == {"maintainer"}


@pytest.mark.parametrize(
    "text", [None, "schema: neurocaas/policy/v1\nmaintainers: [nobody]\n", "{"]
)
def test_without_a_policy_nobody_is_named(text) -> None:
    files = {**BASE, POLICY: text} if text else {p: t for p, t in BASE.items() if p != POLICY}
    approval = _one(put("README.md", "x"), files=files)
    assert (approval.level, approval.approvers) == ("maintainer", ())
    assert approval.reason.endswith("; nobody is named yet who could approve it")


def test_a_blueprint_whose_maintainers_are_gone_is_for_the_platform() -> None:
    files = edited(sub(BLUEPRINT, "[ada]", "[gone]"))
    assert _one(sub(BLUEPRINT, "1.0.0", "1.1.0"), files=files).approvers == ("grace",)


def test_a_first_commit_has_nobody_to_ask() -> None:
    found = plan(files={}, changes=(Change("x", "added", "000000", "100644", "", "a"),))
    assert found.approvals[0].approvers == ()
