"""Laws of deploying: what is asked for depends on content alone, and groups stay apart."""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cloud"))

from deploy_world import (
    Files,
    blueprint,
    blueprint_file,
    group,
    group_file,
    hardware,
    hardware_file,
)

from neurocaas_ci.deploy.aws.schemas import nothing_known
from neurocaas_ci.deploy.bank import make_bank
from neurocaas_ci.deploy.desired import desired
from neurocaas_ci.deploy.difference import difference
from neurocaas_ci.deploy.registry_stack import registry_template
from neurocaas_ci.deploy.template import as_json, identity
from neurocaas_ci.model.cloud_names import role_name
from neurocaas_ci.registry import Registry

_NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
_GROUPS = st.lists(_NAMES, min_size=1, max_size=6, unique=True)
_TYPES = st.lists(
    st.sampled_from(["m5.large", "m5.xlarge", "g5.xlarge", "r5.large", "fargate-1-2"]),
    min_size=1, max_size=5, unique=True,
)  # fmt: skip
_RUNS = settings(max_examples=60, deadline=None, derandomize=True)


def _files(types: list[str], groups: list[str], size: int) -> dict[str, str]:
    files = blueprint_file("demo", types, size=f"{size}GB")
    for name in types:
        files |= hardware_file(name, save=0.1 if size % 2 else None)
    for name in groups:
        files |= group_file(name, size)
    return files


@_RUNS
@given(_TYPES, _GROUPS, st.integers(1, 900), st.integers(0, 9))
def test_the_order_of_files_changes_nothing(types, groups, size, seed):
    files = _files(types, groups, size)
    shuffled = list(files.items())
    random.Random(seed).shuffle(shuffled)
    one, other = (desired(Registry(Files(dict(f)))) for f in (files.items(), shuffled))
    assert as_json(one.template) == as_json(other.template)
    assert one.problems == other.problems


@_RUNS
@given(_TYPES, _GROUPS, st.integers(0, 9))
def test_the_order_of_values_changes_nothing(types, groups, seed):
    chance = random.Random(seed)
    blueprints = [blueprint(f"b{n}", *types[n:], *types[:n], gigabytes=n + 1) for n in range(3)]
    bank = {name: hardware(name, save=0.1) for name in types}

    def template():
        chance.shuffle(blueprints)
        names = list(groups)
        chance.shuffle(names)
        shuffled = dict(sorted(bank.items(), key=lambda _entry: chance.random()))
        return registry_template(make_bank(blueprints, shuffled).machines, map(group, names))

    assert as_json(template()) == as_json(template())


@_RUNS
@given(_GROUPS)
def test_no_role_reaches_the_prefix_of_another_group(groups):
    template = registry_template([], map(group, groups))
    roles = [r for r in template["Resources"].values() if r["Type"] == "AWS::IAM::Role"]
    assert {r["Properties"]["RoleName"] for r in roles} == set(map(role_name, groups))
    owners = {role_name(name): name for name in groups}
    for role in roles:
        text = json.dumps(role["Properties"]["Policies"])
        own = owners[role["Properties"]["RoleName"]]
        prefixes = re.findall(r"groups/([^\"]*)", text)
        assert prefixes
        assert all(prefix.startswith(f"{own}/") for prefix in prefixes)
        for other in set(groups) - {own}:
            # What a pattern allows begins with it, up to the star.
            assert not f"{other}/x".startswith(f"{own}/")


@_RUNS
@given(_TYPES, _TYPES, _GROUPS, _GROUPS, st.integers(1, 900), st.integers(1, 900))
def test_a_plan_is_empty_exactly_when_the_template_is_the_same(a, b, g, h, m, n):
    one, other = (desired(Registry(Files(f))).template for f in (_files(a, g, m), _files(b, h, n)))
    changes = difference(one, other, nothing_known)
    assert bool(changes) == (identity(one) != identity(other))
    resources = dict(one["Resources"])
    for change in changes:
        if change.verb in {"delete", "keep"}:
            del resources[change.name]
        else:
            resources[change.name] = other["Resources"][change.name]
    assert resources == other["Resources"]
