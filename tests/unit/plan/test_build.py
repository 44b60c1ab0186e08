"""Which actions a change means, in which order, and what the jobs cost."""

from __future__ import annotations

import json

from plans import ADA, BASE, EVE_FILE, POLICY, edited, plan, plan_between

from builder import (  # isort: skip - found beside the rules' tests, through plans
    BLUEPRINT,
    D2,
    ENSEMBLE,
    JOB,
    LOCK,
    NEW_JOB,
    VALID,
    MemoryTree,
    new_job,
    put,
    rm,
    sub,
)
from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.model.money import ZERO, microdollars
from neurocaas_ci.model.plan import (
    BudgetLine,
    BuildIae,
    CancelJob,
    FieldChange,
    PlannedStep,
    PublishBlueprint,
    RetireBlueprint,
    RunJob,
    SetResource,
)
from neurocaas_ci.plan.build import apply, make_plan
from neurocaas_ci.plan.state import PlatformState
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import of_entries

THIRD_JOB = "registry/jobs/ada/2026-11/third.yaml"


def _balance(cap, reserved=0):
    return Balance(microdollars(cap), ZERO, microdollars(reserved))


def test_a_job_is_priced_and_shown_against_every_account() -> None:
    assert plan(new_job()).actions == (
        RunJob(
            "ada/2026-11/second",
            "demo",
            "1.0.0",
            (
                PlannedStep(
                    "count", "large", 2, 1800, microdollars(4), microdollars(4), "2026-11-01"
                ),
            ),
            microdollars(4),
            budgets=(
                BudgetLine(Account("user", "ada"), _balance(10), _balance(10, 4)),
                BudgetLine(Account("group", "lab"), _balance(100), _balance(100, 4)),
            ),
        ),
    )


def test_jobs_are_decided_in_the_order_of_their_paths() -> None:
    third = VALID[JOB].replace("name: first", "name: third").replace("group: lab\n", "")
    more = [
        (
            f'"{D2}", size: 20}}',
            f'"{D2}", size: 20}}\n  - {{uri: "store:3.csv", sha256: "{"3" * 64}", size: 1}}',
        )
    ]

    def both(files) -> None:
        put(THIRD_JOB, third)(files)
        new_job(*more)(files)

    second, last = plan(both).actions
    assert isinstance(second, RunJob)
    assert isinstance(last, RunJob)
    # 6 of 10 dollars are reserved, so 4 are left: exactly enough.
    assert (second.maximum, second.short) == (microdollars(6), ())
    assert (last.budgets[0].before.left, last.short) == (microdollars(4), ())
    tight = plan(both, balance_of=lambda _: _balance(9.999999)).actions
    assert [a.short for a in tight if isinstance(a, RunJob)] == [(), (Account("user", "ada"),)]


def test_caps_that_the_change_sets_count_for_its_jobs() -> None:
    def raised(files) -> None:
        sub("registry/users/ada.yaml", "budget_usd: 10", "budget_usd: 2")(files)
        sub(BLUEPRINT, "max_cost_usd: 50", "max_cost_usd: 50, budget_usd: 3")(files)
        new_job()(files)

    run = plan(raised).actions[-1]
    assert isinstance(run, RunJob)
    assert [str(line.account) for line in run.budgets] == [
        "user ada",
        "group lab",
        "blueprint demo",
    ]
    assert run.short == (Account("user", "ada"), Account("blueprint", "demo"))


def test_what_cannot_be_read_charges_and_runs_nothing() -> None:
    assert plan(put(NEW_JOB, "{")).actions == ()
    assert plan(new_job(("user: ada", "user: grace"))).actions == ()
    assert plan(new_job(("large", "huge"))).actions == ()
    assert plan(put("registry/users/ada.yaml", "{")).actions == ()


def test_a_certified_job_does_not_run_and_is_not_cancelled() -> None:
    cancel = sub(JOB, "pricing:", "cancelled: {reason: enough}\npricing:")
    assert plan(cancel).actions == ()
    assert plan(new_job(), certified=lambda _: True).actions == ()
    assert plan(cancel, certified=lambda _: False).actions == (
        CancelJob("ada/2026-11/first", "enough", microdollars(4)),
    )
    assert plan(new_job(("pricing:", "cancelled: {reason: no}\npricing:"))).actions == ()


def test_expectation_comes_with_its_sample() -> None:
    asked = []

    def expected_of(job, steps):
        asked.append((job.blueprint, [step.hardware for step in steps]))
        return microdollars(1.5), 12

    run = plan(new_job(), expected_of=expected_of).actions[0]
    assert isinstance(run, RunJob)
    assert (run.expected, run.sample) == (microdollars(1.5), 12)
    assert asked == [("demo", ["large"])]
    assert plan(new_job(), expected_of=lambda *_: None).actions[0] == plan(new_job()).actions[0]


def _everything(files) -> None:
    new_job()(files)
    sub(BLUEPRINT, "1.0.0", "1.1.0")(files)
    sub(BLUEPRINT, "default: 3", "default: 4")(files)
    sub(LOCK, "image: sha256:1", "image: sha256:3")(files)
    sub(POLICY, "[grace]", "[ada, grace]")(files)
    sub("registry/groups/lab.yaml", "budget_usd: 100", "budget_usd: 50")(files)
    sub("registry/groups/lab.yaml", "blueprints: [demo, voted]", "blueprints: [demo]")(files)
    sub("registry/hardware/small.yaml", "{standard: 1}", "{standard: 2}")(files)
    put("registry/users/zoe.yaml", VALID["registry/users/ada.yaml"].replace("ada", "zoe"))(files)
    rm(ENSEMBLE)(files)
    rm(EVE_FILE)(files)


def test_actions_come_in_a_fixed_order_with_what_differs() -> None:
    actions = plan(_everything).actions
    assert actions[0] == BuildIae(
        "demo",
        actions[0].recipe,
        "3" + "1" * 62 + "a",
        "the image is new, from the same sources",
    )
    assert actions[1] == SetResource(
        "hardware", "small", "update", (FieldChange("/price_standard", "1.0", "2.0"),)
    )
    assert actions[2] == SetResource(
        "policy", "policy", "update", (FieldChange("/maintainers", '["grace"]', '["ada","grace"]'),)
    )
    assert [change.pointer for change in actions[3].changes] == ["/blueprints", "/budget_usd"]
    assert (actions[4].kind, actions[4].name, actions[4].verb) == ("user", "zoe", "create")
    assert actions[5] == PublishBlueprint(
        "demo",
        "1.1.0",
        "1.0.0",
        (
            FieldChange("/parameters/properties/rounds/default", "3", "4"),
            FieldChange("/steps/0/image", f'"1{"1" * 62}a"', f'"3{"1" * 62}a"'),
            FieldChange("/version", '"1.0.0"', '"1.1.0"'),
        ),
    )
    assert isinstance(actions[6], RunJob)
    assert actions[7:] == (
        RetireBlueprint("voted", "1.0.0"),
        SetResource("user", "eve", "remove"),
    )


def test_the_diff_is_that_of_the_effective_configuration() -> None:
    written = sub(BLUEPRINT, "{memory: 1GB, cpus: 2}", "{memory: 1000MB, cpus: 2, processes: 256}")
    assert plan(written).actions == ()
    (action,) = plan(sub(BLUEPRINT, ", cpus: 2", "")).actions
    assert isinstance(action, PublishBlueprint)
    assert action.changes == (FieldChange("/steps/0/limits/cpus", "2", "1"),)


def test_a_change_of_what_no_image_needs_does_nothing() -> None:
    assert plan(put("iae/demo/sample/config.yaml", "{rounds: 2}")).actions == ()
    assert plan(put("README.md", "x")).actions == ()


def test_a_job_does_not_load_the_other_users() -> None:
    head = MemoryTree(edited(new_job()))
    base = Registry(MemoryTree(BASE))
    loaded = Registry(head)
    make_plan(
        base,
        loaded,
        of_entries(MemoryTree(BASE).entries(), head.entries()),
        author=ADA,
        errors=False,
        balance_of=lambda _: _balance(10),
        certified=lambda _: False,
        published=lambda *_: None,
    )
    people = {p for r in (base, loaded) for p in r.loaded_paths() if "/users/" in p}
    assert people == {"registry/users/ada.yaml"}
    assert JOB not in base.loaded_paths() | loaded.loaded_paths()


def test_a_whole_registry_is_set_up_once() -> None:
    files = edited(new_job(), rm("certificates/ada/2026-11/first.sigstore.json"))
    first = plan_between(None, files, None)
    kinds = [type(action).__name__ for action in first.actions]
    assert kinds == ["BuildIae", *["SetResource"] * 7, *["PublishBlueprint"] * 2, *["RunJob"] * 2]
    assert first.approvals == ()
    state = apply(first, PlatformState())
    assert plan_between(None, files, None, state=state).actions == ()
    assert json.loads(state.blueprints["demo"].configuration)["title"] == "Demo"


def test_the_platform_catches_up_from_where_it_is() -> None:
    files = edited(_everything)
    before = apply(plan_between(None, BASE, None), PlatformState())
    drift = plan_between(None, files, None, state=before)
    assert drift.actions == plan(_everything).actions
    after = apply(drift, before)
    assert plan_between(None, files, None, state=after).actions == ()
    assert "voted" not in after.blueprints
    assert ("user", "eve") not in after.resources
