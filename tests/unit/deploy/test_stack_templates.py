"""The templates are what cfn-lint and the limits of AWS accept, and give what they should."""

from __future__ import annotations

import fnmatch
import json
import subprocess
import sys
from pathlib import Path

import pytest
from deploy_world import Files, blueprint_file, group_file, hardware_file, small

from neurocaas_ci.deploy.desired import desired
from neurocaas_ci.deploy.foundation import ISSUER, foundation_template
from neurocaas_ci.deploy.template import MOST_INLINE, as_json, identity, stamped
from neurocaas_ci.model.cloud_names import group_prefix
from neurocaas_ci.registry import Registry


def wish(files):
    return desired(Registry(Files(files)))


def of_type(template, kind):
    return [r for r in template["Resources"].values() if r["Type"] == kind]


def lint(*templates, folder):
    paths = []
    for number, template in enumerate(templates):
        paths.append(folder / f"{number}.json")
        paths[-1].write_text(as_json(stamped(template, "0" * 40)))
    return subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), "-r", "us-east-1", "eu-central-1", "-t", *map(str, paths)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_cfn_lint_finds_nothing(tmp_path):
    files = small(
        **hardware_file("g5.xlarge"), **hardware_file("fargate-4-16", save=0.1),
        **blueprint_file("other", ["g5.xlarge", "fargate-4-16"]), **group_file("poor", 0),
    )  # fmt: skip
    found = lint(foundation_template(), wish(files).template, folder=tmp_path)
    assert (found.stdout, found.stderr, found.returncode) == ("", "", 0)


@pytest.mark.slow
def test_cfn_lint_would_find_something(tmp_path):
    template = wish(small()).template
    of_type(template, "AWS::Batch::JobQueue")[0]["Properties"]["Nonsense"] = 1
    assert lint(template, folder=tmp_path).returncode != 0


def test_the_foundation_can_be_made_without_a_bucket():
    assert len(as_json(stamped(foundation_template(), "0" * 40)).encode()) <= MOST_INLINE


def test_everything_in_the_foundation_stays():
    for resource in foundation_template()["Resources"].values():
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"


def test_nothing_comes_in_and_only_tls_goes_out():
    (door,) = of_type(foundation_template(), "AWS::EC2::SecurityGroup")
    assert door["Properties"]["SecurityGroupIngress"] == []
    assert [rule["ToPort"] for rule in door["Properties"]["SecurityGroupEgress"]] == [443]


def test_workflows_are_trusted_only_where_they_are_guarded():
    text = as_json(foundation_template())
    assert '"Fn::Sub":"repo:${Subject}:environment:deploy"' in text
    assert '"Fn::Sub":"repo:${Subject}:environment:audit"' in text
    assert '"Fn::Sub":"repo:${Subject}:environment:run"' in text
    assert '"Fn::Sub":"repo:${Subject}:environment:signing"' in text
    assert '"Fn::Sub":"repo:${Subject}:environment:gather"' in text
    for role in ("DeployRole", "AuditRole", "GatherRole", "RunRole", "SignRole"):
        trust = foundation_template()["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]
        (entry,) = trust["Statement"]
        asked = entry["Condition"]["StringEquals"]
        assert asked[f"{ISSUER}:ref"] == "refs/heads/main"
        assert asked[f"{ISSUER}:aud"] == "sts.amazonaws.com"
    assert "StringLike" not in text
    assert ":*" not in text.replace("s3:*", "").replace("batch:*", "").replace("ec2:*", "")


def _rights(role):
    (found,) = foundation_template()["Resources"][role]["Properties"]["Policies"]
    return {a for s in found["PolicyDocument"]["Statement"] for a in s["Action"]}


def test_who_audits_may_only_look():
    verbs = ("Describe", "List", "Get", "Detect", "BatchDescribe", "View")
    assert {a for a in _rights("AuditRole") if not a.partition(":")[2].startswith(verbs)} == set()
    assert not {"s3:GetObject", "s3:Get*"} & _rights("AuditRole")
    assert _rights("AuditRole") <= _rights("DeployRole")


def test_who_gathers_for_replays_reads_contents_and_nothing_else():
    role = foundation_template()["Resources"]["GatherRole"]["Properties"]
    (rights,) = [p["PolicyDocument"]["Statement"] for p in role["Policies"]]
    assert {a: s["Resource"] for s in rights for a in s["Action"]} == {
        "s3:GetObject": {"Fn::Sub": "${Bucket.Arn}/groups/*/blobs/*"},
        "s3:ListBucket": {"Fn::GetAtt": ["Bucket", "Arn"]},
    }


def test_who_signs_reads_records_and_keeps_certificates_and_reaches_no_data():
    role = foundation_template()["Resources"]["SignRole"]["Properties"]
    (rights,) = [p["PolicyDocument"]["Statement"] for p in role["Policies"]]
    places = {
        action: [place.get("Fn::Sub") for place in s["Resource"]]
        for s in rights for action in s["Action"] if action != "s3:ListBucket"
    }  # fmt: skip
    assert places == {
        "s3:GetObject": [
            "${Bucket.Arn}/groups/*/state/jobs/*", "${Bucket.Arn}/groups/*/locks/jobs/*",
        ],
        "s3:PutObject": [
            "${Bucket.Arn}/groups/*/state/jobs/*/certificate.sigstore.json",
            "${Bucket.Arn}/groups/*/locks/jobs/*/certificate.sigstore.json",
        ],
    }  # fmt: skip


def test_who_looks_for_drift_may_read_all_that_aws_reads_of_each_type():
    """AWS publishes with each type what its reader calls."""
    schemas = pytest.importorskip("cfnlint.schema.manager").PROVIDER_SCHEMA_MANAGER
    allowed = {a.lower() for a in _rights("AuditRole")}
    # Of endpoints to services of another kind than the gateway that we have.
    unneeded = {"vpc-lattice:describeservicenetworkvpcendpointassociation"}
    missing = {}
    for template in (foundation_template(), wish(small()).template):
        for kind in {r["Type"] for r in template["Resources"].values()}:
            schema = schemas.get_resource_schema("us-east-1", kind).schema
            asked = schema.get("handlers", {}).get("read", {}).get("permissions", ())
            missing[kind] = {
                a.lower() for a in asked if not any(fnmatch.fnmatchcase(a.lower(), one) for one in allowed)
            } - unneeded  # fmt: skip
    assert {kind: names for kind, names in missing.items() if names} == {}


def test_contents_are_written_once_and_never_in_the_clear():
    (policy,) = of_type(foundation_template(), "AWS::S3::BucketPolicy")
    plain, once = policy["Properties"]["PolicyDocument"]["Statement"]
    assert plain["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert once["Condition"]["Null"] == {"s3:if-none-match": "true"}
    assert {"Fn::Sub": "${Bucket.Arn}/groups/*/blobs/*"} in once["Resource"]


def test_queues_give_up_jobs_for_the_reasons_that_batch_knows():
    for queue in of_type(wish(small()).template, "AWS::Batch::JobQueue"):
        assert [a["Reason"] for a in queue["Properties"]["JobStateTimeLimitActions"]] == [
            "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
            "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
            "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
        ]
        assert "Tags" not in queue["Properties"]


def test_machines_hide_their_role_from_containers():
    (disk,) = of_type(wish(small()).template, "AWS::EC2::LaunchTemplate")
    options = disk["Properties"]["LaunchTemplateData"]["MetadataOptions"]
    assert options == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}


def test_a_changed_environment_is_another_one():
    def names(parallel):
        files = small(**blueprint_file("demo", ["m5.large"], parallel=parallel))
        (made,) = of_type(wish(files).template, "AWS::Batch::ComputeEnvironment")
        return made["Properties"]["Tags"]["Name"]

    assert names(10) == names(10) != names(11)


def test_the_role_of_a_group_reaches_its_prefix_and_is_bounded():
    roles = of_type(wish(small(**group_file("lab-two"))).template, "AWS::IAM::Role")
    for role, name in zip(roles, ["lab", "lab-two"], strict=True):
        text = json.dumps(role)
        assert group_prefix(name) in text
        assert text.count("groups/") == text.count(group_prefix(name))
        assert role["Properties"]["PermissionsBoundary"]


def test_a_group_without_money_has_no_budget():
    budgets = of_type(wish(small(**group_file("poor", 0))).template, "AWS::Budgets::Budget")
    names = {budget["Properties"]["Budget"]["BudgetName"] for budget in budgets}
    assert names == {"neurocaas-lab", "neurocaas-all-groups"}


def test_who_deployed_it_is_no_part_of_what_it_is():
    template = wish(small()).template
    assert identity(stamped(template, "a" * 40)) == identity(stamped(template, "b" * 40))
    other = wish(small(**group_file("new"))).template
    assert identity(template) != identity(other)


def test_a_file_that_cannot_be_read_is_a_problem_and_no_guess():
    problems = wish(small(**{"registry/groups/bad.yaml": "schema: [\n"})).problems
    assert any(text.startswith("registry/groups/bad.yaml:") for text in problems)


def test_more_groups_than_a_stack_holds_are_a_problem():
    many = {k: v for n in range(170) for k, v in group_file(f"g{n}").items()}
    (problem,) = wish(small(**many)).problems
    assert "resources, CloudFormation takes 500" in problem


def test_a_group_that_would_take_the_role_of_another_is_a_problem():
    from neurocaas_ci.model.cloud_names import role_name

    long = "a" * 63
    thief = role_name(long).removeprefix("neurocaas-group-")
    problems = wish(small(**group_file(long), **group_file(thief))).problems
    assert problems == (
        (
            f"registry/groups/{long}.yaml: its role would be that of the group {thief}; rename one of "
            "the two"
        ),
    )
