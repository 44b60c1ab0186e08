"""From a commit to queues and back, by the command line against moto: apply, status, watchdog."""

from __future__ import annotations

import json
import time

import pytest
from click.testing import CliRunner
from cloudformation import client, cloud
from deploy_world import blueprint_file, commit, group_file, small

from neurocaas_ci.cli.deploy import command
from neurocaas_ci.deploy.apply import Clock
from neurocaas_ci.deploy.aws.session import Clients
from neurocaas_ci.deploy.aws.watchdog import BatchWatchdog
from neurocaas_ci.errors import (
    BackendUnavailableError,
    DeployError,
    FindingsError,
    NeurocaasError,
    UsageError,
)
from neurocaas_ci.executors.batch.roles import Roles
from neurocaas_ci.model.deploy import Leftover

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SUBJECT = ("--foundation", "--subject", "lab@1/platform@2")


class Platform:
    """A registry on this machine and its cloud; commands raise what they would exit with."""

    def __init__(self, folder):
        self.folder = folder
        self.first = commit(folder, small())

    def deploy(self, *arguments):
        found = CliRunner().invoke(
            command, [*arguments, "--repo", str(self.folder), "--no-fetch"], catch_exceptions=True
        )
        if found.exception:
            if isinstance(found.exception, NeurocaasError):
                found.exception.printed = found.stdout
            raise found.exception
        return found.stdout


@pytest.fixture(scope="module")
def server():
    with cloud() as address:
        yield address


@pytest.fixture
def platform(server, tmp_path, monkeypatch):
    import http.client

    connection = http.client.HTTPConnection(server.removeprefix("http://"))
    connection.request("POST", "/moto-api/reset")
    connection.getresponse().read()
    connection.close()
    monkeypatch.setattr("neurocaas_ci.cli.deploying._CLOCK", Clock(time.monotonic, lambda _s: None))
    return Platform(tmp_path)


@pytest.fixture
def deployed(platform):
    platform.deploy("--apply", *SUBJECT)
    platform.deploy("--apply")
    return platform


def queues():
    return {q["jobQueueName"]: q for q in client("batch").describe_job_queues()["jobQueues"]}


def test_a_registry_becomes_queues_roles_and_budgets(deployed):
    assert set(queues()) == {
        "neurocaas-m5-large-standard", "neurocaas-m5-xlarge-standard", "neurocaas-m5-xlarge-save",
    }  # fmt: skip
    role = client("iam").get_role(RoleName="neurocaas-group-lab")["Role"]
    assert role["Path"] == "/neurocaas/"
    document = client("iam").get_role_policy(RoleName="neurocaas-group-lab", PolicyName="neurocaas")
    text = json.dumps(document["PolicyDocument"])
    assert "arn:aws:s3:::neurocaas-123456789012-us-east-1/groups/lab/*" in text
    budgets = client("budgets").describe_budgets(AccountId="123456789012")["Budgets"]
    assert {b["BudgetName"] for b in budgets} == {"neurocaas-lab", "neurocaas-all-groups"}
    bucket = "neurocaas-123456789012-us-east-1"
    assert client("s3").get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    groups = client("ec2").describe_security_groups(
        Filters=[{"Name": "description", "Values": ["*nothing comes in*"]}]
    )["SecurityGroups"]
    assert [group["IpPermissions"] for group in groups] == [[]]


def test_applying_twice_changes_nothing_and_says_so(deployed):
    assert "nothing to do" in deployed.deploy("--apply")
    assert "nothing to do" in deployed.deploy("--apply", "--foundation")
    done = json.loads(deployed.deploy("--apply", "--format", "json"))
    assert (done["changed"], done["commit"]) == (False, deployed.first)


def test_the_foundation_comes_first_and_knows_who_may_deploy(platform):
    with pytest.raises(UsageError, match="no foundation to build on"):
        platform.deploy("--apply")
    with pytest.raises(UsageError, match="repository that may deploy is not named"):
        platform.deploy("--apply", "--foundation")
    platform.deploy("--apply", *SUBJECT)
    stack = client("cloudformation").describe_stacks(StackName="neurocaas-foundation")["Stacks"][0]
    assert stack["EnableTerminationProtection"]


def test_status_follows_main(deployed):
    assert "in sync: deployed by" in deployed.deploy("--status")
    commit(deployed.folder, {"registry/README": "words"})
    assert "nothing since then changes the cloud" in deployed.deploy("--status")
    commit(deployed.folder, group_file("new"))
    text = deployed.deploy("--status")
    assert f"deployed is {deployed.first[:12]}" in text
    assert "Health  healthy since 20" in text
    deployed.deploy("--apply")
    status = json.loads(deployed.deploy("--status", "--format", "json"))["stacks"][0]
    assert (status["sync"], status["health"]) == ("in sync", "healthy")


def test_a_queue_with_jobs_is_not_deleted(deployed, monkeypatch):
    from moto.batch.models import Job

    monkeypatch.setattr(Job, "run", lambda self: setattr(self, "status", "RUNNABLE"))
    batch = client("batch")
    batch.register_job_definition(
        jobDefinitionName="one", type="container",
        containerProperties={"image": "x", "vcpus": 1, "memory": 128, "command": ["true"]},
    )  # fmt: skip
    job = batch.submit_job(
        jobName="run", jobQueue="neurocaas-m5-xlarge-save", jobDefinition="one"
    )["jobId"]  # fmt: skip
    commit(deployed.folder, blueprint_file("demo", ["m5.large"]))
    with pytest.raises(BackendUnavailableError, match=r"neurocaas-m5-xlarge-save \(1 jobs\)"):
        deployed.deploy("--apply")
    assert "neurocaas-m5-xlarge-save" in queues()
    batch.terminate_job(jobId=job, reason="test")
    end = time.monotonic() + 20
    while batch.describe_jobs(jobs=[job])["jobs"][0]["status"] != "FAILED":
        assert time.monotonic() < end
        batch_job_fails(job)
    deployed.deploy("--apply")
    assert set(queues()) == {"neurocaas-m5-large-standard"}


def batch_job_fails(job):
    """Let the engine notice that a job was terminated, which moto leaves to the running thread."""
    from moto.batch.models import batch_backends

    batch_backends["123456789012"]["us-east-1"]._jobs[job].status = "FAILED"


def test_what_an_earlier_deployment_left_is_shown_and_then_ended(deployed):
    commit(deployed.folder, blueprint_file("demo", ["m5.large", "m5.xlarge"], parallel=20))
    deployed.deploy("--apply")
    with pytest.raises(FindingsError, match="3 things are left over") as caught:
        deployed.deploy("--watchdog")
    assert caught.value.printed.count("would end environment") == 3
    assert len(client("batch").describe_compute_environments()["computeEnvironments"]) == 6
    text = deployed.deploy("--watchdog", "--end")
    assert text.count("ended     environment") == 3
    assert len(client("batch").describe_compute_environments()["computeEnvironments"]) == 3
    assert deployed.deploy("--watchdog") == "nothing is left over\n"
    # All machines have the same disk, so its launch template is still in use.
    assert len(client("ec2").describe_launch_templates()["LaunchTemplates"]) == 1


def test_going_back_to_what_was_asked_before_is_no_conflict(deployed):
    commit(deployed.folder, blueprint_file("demo", ["m5.large", "m5.xlarge"], parallel=20))
    deployed.deploy("--apply")
    commit(deployed.folder, blueprint_file("demo", ["m5.large", "m5.xlarge"]))
    deployed.deploy("--apply")
    found = client("batch").describe_compute_environments()["computeEnvironments"]
    assert len({entry["tags"]["Name"] for entry in found}) == 6
    assert len(found) == 9
    deployed.deploy("--watchdog", "--end")
    assert len(client("batch").describe_compute_environments()["computeEnvironments"]) == 3


def test_a_machine_that_no_engine_knows_is_ended(deployed):
    ec2 = client("ec2")
    image = "ami-12345678"
    tags = [{"Key": "neurocaas", "Value": "machine"}]
    made = [
        ec2.run_instances(
            ImageId=image, MinCount=1, MaxCount=1, InstanceType="m5.large",
            TagSpecifications=[{"ResourceType": "instance", "Tags": ours}] if ours else [],
        )["Instances"][0]["InstanceId"]
        for ours in (tags, [])
    ]  # fmt: skip
    assert deployed.deploy("--watchdog") == "nothing is left over\n"
    later = BatchWatchdog(Clients(), time.time() + 3600, Clock(time.monotonic, time.sleep))
    (found,) = later.leftovers()
    assert found.name == made[0]
    later.end(found)
    later.end(found)
    states = {
        i["InstanceId"]: i["State"]["Name"]
        for r in ec2.describe_instances(InstanceIds=made)["Reservations"]
        for i in r["Instances"]
    }
    assert states == {made[0]: "terminated", made[1]: "running"}


_JOB = """\
schema: neurocaas/job/v1
name: {name}
user: ada
group: lab
blueprint: demo@1.0.0
datasets: [{{uri: "store:x.csv", sha256: "{digest}", size: 1}}]
parameters: {{}}
pricing: standard
{more}"""


def job_file(name, more=""):
    text = _JOB.format(name=name, digest="a" * 64, more=more)
    return {f"registry/jobs/ada/2026-11/{name}.yaml": text}


def with_roles(names):
    """Make the role of each job as the runner does, with a definition that has it."""
    account = "arn:aws:sts::123456789012:assumed-role/runner/me"
    roles = Roles(lambda: client("iam"), account, "s3://bucket/groups/lab", group="lab")
    made = {name: roles.make(f"ada/2026-11/{name}") for name in names}
    batch = client("batch")
    for name, arn in made.items():
        batch.register_job_definition(
            jobDefinitionName=f"neurocaas-{name}", type="container",
            containerProperties={"image": "x", "vcpus": 1, "memory": 128, "jobRoleArn": arn},
        )  # fmt: skip
    return {name: arn.rpartition("/")[2] for name, arn in made.items()}


def definitions_in_use():
    found = client("batch").describe_job_definitions(status="ACTIVE")["jobDefinitions"]
    return {entry["jobDefinitionName"].removeprefix("neurocaas-") for entry in found}


def roles_left():
    listed = client("iam").list_roles(PathPrefix="/neurocaas/")["Roles"]
    return {r["RoleName"] for r in listed if r["RoleName"].startswith("neurocaas-job-")}


def test_roles_of_jobs_that_are_over_are_shown_and_then_ended(deployed, monkeypatch):
    from moto.batch.models import Job

    monkeypatch.setattr(Job, "run", lambda self: setattr(self, "status", "RUNNABLE"))
    files = {**job_file("going"), **job_file("certified"), **job_file("replayed")}
    files |= job_file("cancelled", more="cancelled: {reason: a mistake}\n")
    for name in ("certified", "replayed"):
        files[f"certificates/ada/2026-11/{name}.sigstore.json"] = "{}"
    commit(deployed.folder, files)
    names = ["going", "certified", "cancelled", "unknown", "replayed"]
    roles = with_roles(names)
    client("batch").submit_job(
        jobName="replay", jobQueue="neurocaas-m5-large-standard", jobDefinition="neurocaas-replayed"
    )
    assert deployed.deploy("--watchdog") == "nothing is left over\n"
    # They may be there for a day.
    now = time.time
    monkeypatch.setattr("neurocaas_ci.cli.deploying.time.time", lambda: now() + 25 * 3600)
    monkeypatch.setattr("neurocaas_ci.deploy.leftover.WAITING", 100 * 3600)
    with pytest.raises(FindingsError, match="3 things are left over") as caught:
        deployed.deploy("--watchdog")
    shown = caught.value.printed
    assert shown.count("would end role neurocaas-job-") == 3
    assert f"{roles['certified']}: of the job ada/2026-11/certified was made 1d1h ago; its" in shown
    assert "ada/2026-11/cancelled was made 1d1h ago; it was cancelled" in shown
    assert "has no such job" in shown
    assert roles_left() == set(roles.values())
    assert definitions_in_use() == set(names)
    text = deployed.deploy("--watchdog", "--end")
    assert text.count("ended     role neurocaas-job-") == 3
    assert roles_left() == {roles["going"], roles["replayed"]}
    assert definitions_in_use() == {"going", "replayed"}
    assert deployed.deploy("--watchdog") == "nothing is left over\n"
    # Ended in the meantime by somebody else.
    dog = BatchWatchdog(Clients(), now(), Clock(time.monotonic, time.sleep))
    dog.end(Leftover("role", roles["certified"], ""))


def test_without_a_registry_roles_are_not_judged(deployed, tmp_path_factory, monkeypatch):
    with_roles(["unknown"])
    now = time.time
    monkeypatch.setattr("neurocaas_ci.cli.deploying.time.time", lambda: now() + 25 * 3600)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    found = CliRunner().invoke(command, ["--watchdog"])
    assert found.exit_code == 0
    assert found.stdout == "nothing is left over\n"
    assert "only inside a clone of the registry" in found.stderr


def test_a_large_template_goes_through_the_bucket(deployed):
    many = {k: v for n in range(60) for k, v in group_file(f"group-{n}").items()}
    commit(deployed.folder, many)
    deployed.deploy("--apply")
    listed = client("s3").list_objects_v2(Bucket="neurocaas-123456789012-us-east-1")
    assert [item["Key"][:17] for item in listed["Contents"]] == ["deploy/templates/"]
    assert "in sync" in deployed.deploy("--status")


def test_a_registry_that_asks_for_too_much_changes_nothing(deployed):
    many = {k: v for n in range(170) for k, v in group_file(f"group-{n}").items()}
    commit(deployed.folder, many)
    with pytest.raises(FindingsError, match="CloudFormation takes 500") as caught:
        deployed.deploy("--apply")
    assert caught.value.exit_code == 10
    assert "Sync    unknown" in deployed.deploy("--status")


def test_a_refused_change_is_an_error_of_the_deployment():
    assert DeployError("x").exit_code == 12
