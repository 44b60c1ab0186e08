"""GitHub asks the people that the plan asks for, path by path."""

from __future__ import annotations

import fnmatch

import pytest
from plans import BASE, plan

from builder import BLUEPRINT, VALID, MemoryTree, put, sub  # isort: skip - found through plans
from neurocaas_ci.plan.owners import code_owners
from neurocaas_ci.registry import Registry


def owners_of(path: str, files=BASE) -> set[str]:
    """Return who owns a path by the last line that fits it, as GitHub reads the file."""
    found: set[str] = set()
    for line in code_owners(Registry(MemoryTree(files))).splitlines():
        if line.startswith("#"):
            continue
        pattern, *logins = line.split()
        plain = pattern.lstrip("/")
        if path.startswith(plain) if plain.endswith("/") else fnmatch.fnmatch(path, plain):
            found = {login.removeprefix("@") for login in logins}
    return found


@pytest.mark.parametrize(
    "change",
    [
        sub(BLUEPRINT, "1.0.0", "1.1.0"),
        put("registry/blueprints/new.yaml", "x"),
        put("registry/blueprints/sub/new.yaml", "x"),
        put("iae/demo/src/more.py", "x"),
        put("iae/spare/workflow.py", "x"),
        put("iae/new/iae.yaml", "x"),
        sub("registry/users/ada.yaml", "10", "99"),
        put("registry/groups/new.yaml", "x"),
        put("registry/hardware/new.yaml", "x"),
        sub("registry/policy.yaml", "grace", "eve"),
        put("certificates/ada/2026-11/x.sigstore.json", "x"),
        put(".github/workflows/x.yml", "x"),
        put("neurocaas_ci/x.py", "x"),
    ],
)
def test_whoever_the_plan_asks_owns_the_path(change):
    (approval,) = plan(change).approvals
    owners = owners_of(approval.path)
    assert approval.approvers
    assert set(approval.approvers) <= owners
    # And besides them only maintainers, without whom a line could be left with nobody.
    assert owners - set(approval.approvers) <= {"grace"}


def test_jobs_have_no_owner_for_their_authors_need_none():
    assert owners_of("registry/jobs/ada/2026-11/new.yaml") == set()


def test_a_blueprint_of_nobody_is_the_maintainers():
    files = {**BASE, BLUEPRINT: VALID[BLUEPRINT].replace("[ada]", "[nobody]")}
    assert owners_of(BLUEPRINT, files) == {"grace"}


@pytest.mark.parametrize("name", ["a b", "* @mallory", "a\n/.github/ @mallory", "#", "[a]", "!x"])
def test_a_hostile_name_makes_no_line(name):
    path = f"registry/blueprints/{name}.yaml"
    text = code_owners(Registry(MemoryTree({**BASE, path: VALID[BLUEPRINT]})))
    assert text == code_owners(Registry(MemoryTree(BASE)))
