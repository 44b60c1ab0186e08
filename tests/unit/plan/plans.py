"""Plans of small changes of the registry that the rules are tested with, with a policy."""

from __future__ import annotations

import sys
from pathlib import Path

# The registry of the rules' tests serves here too.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "validate"))

from builder import BLUEPRINT, VALID, MemoryTree, published

from neurocaas_ci.model.actor import Actor
from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.model.money import microdollars
from neurocaas_ci.plan.build import make_plan
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import of_entries

ADA, GRACE, EVE, STRANGER = Actor(1), Actor(2), Actor(3), Actor(99)
PLATFORM = Actor(7, platform=True)
POLICY = "registry/policy.yaml"
EVE_FILE = "registry/users/eve.yaml"
BASE = {
    **VALID,
    POLICY: "schema: neurocaas/policy/v1\nmaintainers: [grace]\n",
    EVE_FILE: VALID["registry/users/ada.yaml"]
    .replace("ada", "eve")
    .replace("Ada", "Eve")
    .replace("forge_id: 1", "forge_id: 3"),
    "iae/spare/iae.yaml": VALID["iae/demo/iae.yaml"].replace("name: demo", "name: spare"),
    "README.md": "read me\n",
}
CAPS = {"user": microdollars(10), "group": microdollars(100), "blueprint": None}


def caps(account: Account) -> Balance:
    return Balance(CAPS[account.kind])


def edited(*edits, files=BASE):
    result = dict(files)
    for edit in edits:
        edit(result)
    return result


def plan(*edits, files=BASE, changes=None, **options):
    """Return the plan of a change; `changes` stands in for what the files say."""
    head = edited(*edits, files=files)
    base = MemoryTree(files)
    if changes is None:
        changes = of_entries(base.entries(), MemoryTree(head).entries())
    return plan_between(files, head, changes, **options)


def plan_between(files, head, changes, **options):
    given = {
        "author": ADA,
        "errors": False,
        "balance_of": caps,
        "certified": lambda job: f"certificates/{job}.sigstore.json" in head,
        "published": published,
        **options,
    }
    base = None if files is None else Registry(MemoryTree(files))
    return make_plan(base, Registry(MemoryTree(head)), changes, **given)


__all__ = ["ADA", "BASE", "BLUEPRINT", "EVE", "GRACE", "PLATFORM", "STRANGER", "plan"]
