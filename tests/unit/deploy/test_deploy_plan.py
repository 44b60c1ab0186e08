"""A plan of the cloud says what happens to each resource, and which property is to blame."""

from __future__ import annotations

import json

from deploy_world import Files, blueprint_file, group_file, hardware_file, small
from inline_snapshot import snapshot

from neurocaas_ci.deploy.aws.schemas import immutable_lookup, nothing_known
from neurocaas_ci.deploy.desired import desired
from neurocaas_ci.deploy.difference import Immutable, difference
from neurocaas_ci.model.deploy import StackPlan
from neurocaas_ci.registry import Registry
from neurocaas_ci.report.deploy import MAX_BYTES, plan_json, plan_markdown, plan_text

LOOK_UP = immutable_lookup()


def plan(before, after, look_up=LOOK_UP):
    old, new = (desired(Registry(Files(files))) for files in (before, after))
    changes = difference(old.template, new.template, look_up)
    return StackPlan("neurocaas-registry", "a" * 40, "b" * 40, changes, new.problems)


def without(files, path):
    return {name: text for name, text in files.items() if name != path}


def test_a_wider_job_makes_new_environments_beside_the_old_and_moves_the_queues():
    after = small(**blueprint_file("demo", ["m5.large"], parallel=20))
    before = small(**blueprint_file("demo", ["m5.large"]))
    assert plan_text(plan(before, after)) == snapshot("""\
neurocaas-registry: 1 to create, 1 to update in place, 1 to let go of, but keep in the account

Resources
  + Batch::ComputeEnvironment neurocaas-m5-large-standard-c0d00d41dc: create
  ~ Batch::JobQueue neurocaas-m5-large-standard: update in place
      /ComputeEnvironmentOrder/0/ComputeEnvironment "neurocaas-m5-large-standard-46355a8132" -> "neurocaas-m5-large-standard-c0d00d41dc"
  o Batch::ComputeEnvironment neurocaas-m5-large-standard-46355a8132: let go of, but keep in the account
""")


def test_a_group_gets_its_role_its_log_and_its_alarms():
    assert plan_text(plan(small(), small(**group_file("new", 50)))) == snapshot("""\
neurocaas-registry: 3 to create, 1 to update in place

Resources
  + Budgets::Budget neurocaas-new: create
  + IAM::Role neurocaas-group-new: create
  + Logs::LogGroup /neurocaas/groups/new: create
  ~ Budgets::Budget neurocaas-all-groups: update in place
      /Budget/BudgetLimit/Amount 100.0 -> 150.0
""")


def test_hardware_that_nobody_uses_any_more_takes_its_queues_along():
    assert plan_text(plan(small(), small(**blueprint_file("demo", ["m5.large"])))) == snapshot("""\
neurocaas-registry: 2 to delete, 2 to let go of, but keep in the account

Resources
  o Batch::ComputeEnvironment neurocaas-m5-xlarge-save-e20f1ba6cc: let go of, but keep in the account
  o Batch::ComputeEnvironment neurocaas-m5-xlarge-standard-5deba0e849: let go of, but keep in the account
  - Batch::JobQueue neurocaas-m5-xlarge-save: delete
  - Batch::JobQueue neurocaas-m5-xlarge-standard: delete

Queues that go
  neurocaas-m5-xlarge-save
  neurocaas-m5-xlarge-standard
  no job may be waiting or running in them; `deploy --apply` looks before it starts
""")


def test_what_the_registry_cannot_have_is_said_first():
    types = [f"m{number}.large" for number in range(60)]
    files = {k: v for name in types for k, v in hardware_file(name).items()}
    files |= blueprint_file("demo", types[:30]) | blueprint_file("other", types[30:])
    text = plan_text(plan(small(), small(**files)))
    assert "This cannot be deployed\n  registry/hardware: 60 job queues are needed" in text


def test_the_schemas_of_aws_say_what_replaces_a_resource():
    queue = {"Type": "AWS::Batch::JobQueue", "Properties": {"JobQueueName": "a", "Priority": 1}}
    other = {"Type": "AWS::Batch::JobQueue", "Properties": {"JobQueueName": "b", "Priority": 2}}
    (change,) = difference({"Resources": {"Q": queue}}, {"Resources": {"Q": other}}, LOOK_UP)
    assert change.verb == "replace"
    assert [(item.pointer, item.replaces) for item in change.properties] == [
        ("/JobQueueName", "yes"), ("/Priority", "no"),
    ]  # fmt: skip


def test_some_changes_replace_only_at_times():
    def environment(kind):
        properties = {"ComputeResources": {"InstanceTypes": [kind]}}
        return {
            "Resources": {"E": {"Type": "AWS::Batch::ComputeEnvironment", "Properties": properties}}
        }

    (change,) = difference(environment("m5.large"), environment("m5.xlarge"), LOOK_UP)
    assert change.verb == "may replace"


def test_without_schemas_nothing_is_guessed():
    found = plan(small(), small(**group_file("lab", 5)), nothing_known)
    verbs = {change.verb for change in found.changes}
    assert verbs == {"unknown"}
    assert "replacement unknown" in plan_text(found)


def test_a_type_that_no_schema_describes_is_unknown_too():
    old, new = (
        {"Resources": {"X": {"Type": "AWS::No::Such", "Properties": {"A": n}}}} for n in (1, 2)
    )
    (change,) = difference(old, new, LOOK_UP)
    assert change.verb == "unknown"


def test_an_item_of_a_list_is_known_by_the_property_that_holds_it():
    old, new = (
        {"Resources": {"X": {"Type": "T", "Properties": {"List": [{"A": n}, {"A": 0}]}}}}
        for n in (1, 2)
    )
    (change,) = difference(old, new, lambda _kind: Immutable(["/properties/List/*/A"], []))
    assert [(item.pointer, item.replaces) for item in change.properties] == [("/List/0/A", "yes")]


def test_the_document_has_every_change_with_its_values():
    document = json.loads(plan_json(plan(small(), small(**group_file("lab", 5)))))
    budget = next(c for c in document["changes"] if c["name"] == "neurocaas-lab")
    assert budget["action"] == "update"
    assert budget["properties"] == [
        {"pointer": "/Budget/BudgetLimit/Amount", "before": 100.0, "after": 5.0, "replaces": "no"}
    ]


def test_a_comment_is_cut_to_what_a_forge_takes_and_says_so():
    many = {k: v for n in range(140) for k, v in group_file(f"group-{n}" + "x" * 50).items()}
    text = plan_markdown(plan(small(), small(**many)), 4_000)
    assert len(text.encode()) <= 4_000 < MAX_BYTES
    assert "**Truncated:**" in text


def test_nothing_changes_where_nothing_is_asked():
    assert plan_text(plan(small(), small())) == "neurocaas-registry: nothing changes\n"
