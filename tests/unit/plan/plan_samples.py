"""Plans made by hand: one with an action of each kind, a long one, one with hostile names."""

from __future__ import annotations

import json

from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.model.money import ZERO, microdollars
from neurocaas_ci.model.plan import (
    Approval,
    BudgetLine,
    BuildIae,
    CancelJob,
    FieldChange,
    Plan,
    PlannedStep,
    PublishBlueprint,
    RetireBlueprint,
    RunJob,
    SetResource,
)

A, B = Sha256("a" * 64), Sha256("b" * 64)
HOSTILE = (
    "</summary></details><img src=x onerror=alert(1)>",
    "@everyone [here](http://example.org) ![](http://example.org/x.png)",
    "``` \n````\n~~~\n# heading\n<script>alert(1)</script>",
    "`" * 3_000,
    "a`b``c```d",
    "\x1b[31mred\x1b[0m \x00\x07\r\n\u202eevil\u2066\u200b\u2028",
    "\ud800 lone surrogate",
    "<!--",
    "x" * 100_000,
    "\U0001f600" * 5_000,
)


def _run(name, *, short=(), expected=None):
    step = PlannedStep("fit", "m5.large", 3, 5400, microdollars(1), microdollars(4.5))
    before = Balance(microdollars(10), microdollars(1), microdollars(2))
    after = Balance(microdollars(10), microdollars(1), microdollars(6.5))
    user, blueprint = Account("user", "ada"), Account("blueprint", "pmd")
    lines = (BudgetLine(user, before, after), BudgetLine(blueprint, Balance(), Balance()))
    sample = 12 if expected else 0
    return RunJob(name, "pmd", "1.1.0", (step,), microdollars(4.5), expected, sample, lines, short)


EVERYTHING = Plan(
    "1" * 40,
    "2" * 40,
    "ada",
    (
        BuildIae("pmd", A, B, "its sources changed"),
        SetResource("policy", "policy", "update", (FieldChange("/maintainers/0", '"a"', '"b"'),)),
        SetResource("user", "zoe", "create", (FieldChange("/login", None, '"zoe"'),)),
        PublishBlueprint("new", "0.1.0", None, (FieldChange("/name", None, '"new"'),)),
        PublishBlueprint(
            "pmd",
            "1.1.0",
            "1.0.0",
            (
                FieldChange("/limits/budget_usd", None, "20.0"),
                FieldChange("/steps/0/max_runtime", "3600", "1800"),
            ),
        ),
        _run("ada/2026-11/one", expected=microdollars(1.25)),
        _run("ada/2026-11/two", short=(Account("user", "ada"),)),
        CancelJob("ada/2026-10/old", "wrong data", microdollars(9)),
        RetireBlueprint("gone", "2.0.0"),
        SetResource("group", "old-lab", "remove"),
    ),
    (
        Approval("iae/pmd/workflow.py", None, "modified", "owner", "used by pmd", ("ada", "bob")),
        Approval("registry/jobs/ada/2026-11/one.yaml", None, "added", "auto", "own job"),
        Approval("registry/policy.yaml", "old.yaml", "renamed", "maintainer", "policy", ("grace",)),
    ),
)


def many_jobs(count):
    names = [f"ada/2026-11/job-{n:05d}" for n in range(count)]
    return Plan(
        None,
        None,
        "ada",
        tuple(_run(name) for name in names),
        tuple(Approval(f"registry/jobs/{n}.yaml", None, "added", "auto", "own job") for n in names),
    )


def with_names(text):
    """Return a plan in which every text that a stranger may choose is the given one."""
    account = Account("user", text)
    step = PlannedStep(text, text, 1, 1, ZERO, ZERO)
    value = FieldChange(f"/{text}", json.dumps(text), None)
    line = BudgetLine(account, Balance(microdollars(1)), Balance(microdollars(1)))
    return Plan(
        None,
        None,
        text,
        (
            BuildIae(text, A, B, text),
            SetResource("user", text, "update", (value,)),
            PublishBlueprint(text, text, text, (value,)),
            RunJob(text, text, text, (step,), ZERO, budgets=(line,), short=(account,)),
            CancelJob(text, text, ZERO),
            RetireBlueprint(text, text),
        ),
        tuple(
            Approval(text, text, "renamed", "owner", text, (text, f"{text}{n}")) for n in range(20)
        ),
    )
