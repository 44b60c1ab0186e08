"""Who may take on a group's role for users: its members on main, and nobody a commit later."""

from __future__ import annotations

import fnmatch
import json
import re

from deploy_world import Files, blueprint_file, group_file, hardware_file

from neurocaas_ci.deploy.access import MOST_NAMES, access_role
from neurocaas_ci.deploy.desired import desired
from neurocaas_ci.model.cloud_names import access_role_name, role_name
from neurocaas_ci.registry import Registry

BASE = {**hardware_file("m5.large"), **blueprint_file("demo", ["m5.large"])}


def group_of(name, *logins):
    text = next(iter(group_file(name).values())).replace("[ada]", f"[{', '.join(logins)}]")
    return {f"registry/groups/{name}.yaml": text}


def user(login, *groups, number=1):
    return {
        f"registry/users/{login}.yaml": f"schema: neurocaas/user/v1\nlogin: {login}\n"
        f"forge_id: {number}\nname: {login}\ngroups: [{', '.join(groups)}]\n"
    }


def roles(files):
    """Return the roles for users in what a registry asks for, by name, and its problems."""
    found = desired(Registry(Files({**BASE, **files})))
    resources = found.template["Resources"].values()
    mine = {
        r["Properties"]["RoleName"]: r["Properties"]
        for r in resources
        if r["Type"] == "AWS::IAM::Role" and "access" in r["Properties"]["RoleName"]
    }
    return mine, found.problems


def allowed(role, session):
    """Return the actions that the policy of a role leaves to a session of this name."""
    return {
        action
        for entry in role["Policies"][0]["PolicyDocument"]["Statement"]
        for action in entry["Action"]
        if any(
            fnmatch.fnmatchcase(f"AROA123:{session}", pattern)
            for pattern in entry["Condition"]["StringLike"]["aws:userid"]
        )
    }


def test_members_by_both_files_count_and_each_only_in_their_group():
    files = {
        **group_of("lab", "ada", "grace", "stray"), **group_of("other", "eve"),
        **user("ada", "lab"), **user("grace", "lab", number=2), **user("stray", number=3),
        **user("eve", "other", number=4),
    }  # fmt: skip
    found, problems = roles(files)
    assert problems == ()
    assert found.keys() == {"neurocaas-access-lab", "neurocaas-access-other"}
    lab = found["neurocaas-access-lab"]
    assert {"s3:GetObject", "s3:ListBucket", "s3:PutObject"} <= allowed(lab, "ada")
    for stranger in ("stray", "eve", "ada2", "xada", "da", ""):
        assert not allowed(lab, stranger)
    assert re.findall(r"groups/[a-z*/]*", json.dumps(lab)) == [
        "groups/lab/*", "groups/lab/*", "groups/lab/blobs/*", "groups/lab/state/names/*",
    ]  # fmt: skip
    assert "PermissionsBoundary" in lab


def test_a_commit_that_takes_a_member_out_ends_all_that_the_sessions_could_do():
    before, _ = roles(
        {**group_of("lab", "ada", "grace"), **user("ada", "lab"), **user("grace", "lab")}
    )
    after, _ = roles({**group_of("lab", "ada"), **user("ada", "lab"), **user("grace")})
    name = access_role_name("lab")
    assert allowed(before[name], "grace")
    assert not allowed(after[name], "grace")
    assert allowed(after[name], "ada") == allowed(before[name], "ada")
    assert roles({**group_of("lab", "ada"), **user("ada")})[0] == {}


def test_what_runs_recorded_is_read_and_never_written():
    role = access_role("lab", ["ada"])["Properties"]
    places = [
        json.dumps(entry["Resource"])
        for entry in role["Policies"][0]["PolicyDocument"]["Statement"]
        if "s3:PutObject" in entry["Action"]
    ]
    assert "jobs" not in "".join(places)
    assert "*" not in "".join(places).replace("blobs/*", "").replace("names/*", "")
    actions = {a for s in role["Policies"][0]["PolicyDocument"]["Statement"] for a in s["Action"]}
    assert "s3:DeleteObject" not in actions


def test_more_names_than_a_policy_holds_are_a_problem():
    logins = [f"{'x' * 36}{n:03}" for n in range(100)]
    people = {k: v for n, x in enumerate(logins) for k, v in user(x, "lab", number=n).items()}
    _, problems = roles({**group_of("lab", *logins), **people})
    assert problems == (
        (
            "registry/groups/lab.yaml: the names of 100 members are too long for one policy of AWS; "
            "make two groups of it"
        ),
    )
    few = logins[:68]
    people = {k: v for n, x in enumerate(few) for k, v in user(x, "lab", number=n).items()}
    found, problems = roles({**group_of("lab", *few), **people})
    assert problems == ()
    policy = found[access_role_name("lab")]["Policies"][0]["PolicyDocument"]
    assert MOST_NAMES < len(json.dumps(policy, separators=(",", ":"))) <= 10_240


def test_a_role_for_users_is_never_the_role_of_jobs():
    for group in ("lab", "access-lab", "a" * 62, "group-lab"):
        assert access_role_name(group) != role_name(group)
        assert access_role_name(group).startswith("neurocaas-access-")
        assert len(access_role_name(group)) <= 64
