"""A user gets into the group's part of the store for hours, by a sealed text, and nowhere else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from bridge import sessions
from bridge.cloud import running
from deploy_world import group_file

from neurocaas_ci.deploy.access import access_role

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "platform"


def resolved(value):
    """Return a part of a template with what CloudFormation would put in."""
    if isinstance(value, list):
        return [resolved(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "Fn::ImportValue" in value:
        return f"arn:aws:s3:::{BUCKET}"
    if "Ref" in value:
        return {"AWS::Partition": "aws", "AWS::AccountId": "123456789012"}[value["Ref"]]
    if "Fn::Join" in value:
        middle, parts = value["Fn::Join"]
        return middle.join(map(str, resolved(parts)))
    return {name: resolved(item) for name, item in value.items()}


def deploy(cloud, logins):
    """Bring the role's policy to what main says, as the stack does."""
    (inline,) = resolved(access_role("lab", logins)["Properties"])["Policies"]
    cloud.client("iam").put_role_policy(
        RoleName="neurocaas-access-lab", PolicyName=inline["PolicyName"],
        PolicyDocument=json.dumps(inline["PolicyDocument"]),
    )  # fmt: skip


@pytest.fixture(scope="module")
def cloud():
    """An account with the role of one group's users, made of the template; policies in force."""
    with running() as cloud, sessions.installed():
        cloud.client("s3").create_bucket(Bucket=BUCKET)
        role = resolved(access_role("lab", ["ada"])["Properties"])
        iam = cloud.client("iam")
        iam.create_role(
            RoleName=role["RoleName"], Path=role["Path"],
            MaxSessionDuration=role["MaxSessionDuration"],
            AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]),
        )  # fmt: skip
        deploy(cloud, ["ada"])
        cloud.enforce(on=True)
        yield cloud


@pytest.fixture
def operator(cloud, tmp_path):
    """The registry, and what an operator has in the environment: only the right to lend."""
    arn = "arn:aws:iam::123456789012:role/neurocaas/neurocaas-access-lab"
    rights = [{"Effect": "Allow", "Action": "sts:*", "Resource": ["*", arn]}]
    keys = cloud.user(f"operator-{tmp_path.name}", rights)
    repo = tmp_path / "registry"
    (repo / "registry/users").mkdir(parents=True)
    (repo / "registry/groups").mkdir()
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "NEUROCAAS_"))},
        **cloud.variables(keys),
        "NEUROCAAS_STORE": f"s3://{BUCKET}",
        "HOME": str(tmp_path),
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org",
    }  # fmt: skip
    (path, text), = group_file("lab").items()  # fmt: skip
    (repo / path).write_text(text)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=repo, env=environment, check=True)
    return Operator(repo, environment)


class Operator:
    def __init__(self, repo, environment):
        self.repo, self.environment = repo, environment

    def user(self, *keys, groups="[lab]"):
        """Let main say what keys ada has, and in which groups she is."""
        listed = "".join(f"  - {key}\n" for key in keys)
        (self.repo / "registry/users/ada.yaml").write_text(
            "schema: neurocaas/user/v1\nlogin: ada\nforge_id: 1\nname: Ada\n"
            f"groups: {groups}\n" + (f"keys:\n{listed}" if keys else "")
        )
        for command in (["add", "-A"], ["commit", "-q", "-m", "People"]):
            subprocess.run(["git", *command], cwd=self.repo, env=self.environment, check=True)

    def run(self, *arguments, code=0, environment=None):
        done = subprocess.run(
            [sys.executable, "-m", "neurocaas_ci.cli.main", *map(str, arguments)],
            cwd=self.repo, env=environment or self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done


def ssh_key(folder):
    file = folder / "id_ed25519"
    line = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada@lab", "-f", str(file)]
    subprocess.run(line, check=True)
    return file, file.with_suffix(".pub").read_text().strip()


def test_what_was_lent_puts_a_dataset_and_reaches_nothing_else(operator, cloud, tmp_path):
    private, public = ssh_key(tmp_path)
    operator.user(public)
    sealed = tmp_path / "ada.age"
    told = operator.run("access", "grant", "ada", "--output", sealed).stderr
    assert "ada may use s3://platform, group lab" in told
    text = sealed.read_text()
    assert text.startswith("-----BEGIN AGE ENCRYPTED FILE-----")
    # The other side: no account, no registry, only the text and the private key.
    guest = {k: v for k, v in operator.environment.items() if not k.startswith(("AWS_", "NEURO"))}
    opened = operator.run(
        "access", "open", sealed, "--identity", private, "--format", "json", environment=guest
    )
    lent = json.loads(opened.stdout)
    assert lent["secret"] not in text
    assert lent["login"] == "ada"
    ends = datetime.fromisoformat(lent["expires"]) - datetime.now(UTC)
    assert timedelta(minutes=50) < ends <= timedelta(minutes=60, seconds=5)
    lines = operator.run("access", "open", sealed, "--identity", private, environment=guest).stdout
    dataset = tmp_path / "mouse.csv"
    dataset.write_text("1,2\n")
    script = f"{lines}\nexec {sys.executable} -m neurocaas_ci.cli.main data put {dataset}"
    settled = {
        **guest,
        "NEUROCAAS_HOME": str(tmp_path / "home"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    done = subprocess.run(
        ["sh", "-c", script], env=settled, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("store:mouse.csv ")
    found = cloud.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="groups/lab/")["Contents"]
    assert {"names/mouse.csv"} == {o["Key"][17:] for o in found if "/state/" in o["Key"]}
    cloud.client("s3").put_object(Bucket=BUCKET, Key="groups/other/state/secret", Body=b"x")
    s3 = session(lent)
    for attempt in (
        lambda: s3.get_object(Bucket=BUCKET, Key="groups/other/state/secret"),
        lambda: s3.put_object(Bucket=BUCKET, Key="groups/other/blobs/x", Body=b"x"),
        lambda: s3.put_object(Bucket=BUCKET, Key="groups/lab/state/jobs/x/job.json", Body=b"x"),
        lambda: s3.delete_object(Bucket=BUCKET, Key="groups/lab/state/names/mouse.csv"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()


def session(lent):
    import boto3

    return boto3.client(
        "s3", endpoint_url=lent["endpoint"], region_name=lent["region"],
        aws_access_key_id=lent["key"], aws_secret_access_key=lent["secret"],
        aws_session_token=lent["token"],
    )  # fmt: skip


def test_a_key_of_age_opens_it_and_another_does_not(operator, tmp_path):
    mine, other = tmp_path / "keys/mine", tmp_path / "keys/other"
    public = operator.run("access", "key", mine).stdout.strip()
    operator.run("access", "key", other)
    assert mine.stat().st_mode & 0o777 == 0o600
    again = operator.run("access", "key", mine, code=2).stderr
    assert "there is a file already" in again
    operator.user(public)
    sealed = tmp_path / "ada.age"
    sealed.write_text(operator.run("access", "grant", "ada", "--read-only").stdout)
    process = operator.run("access", "open", sealed, "--identity", mine, "--format", "process")
    assert json.loads(process.stdout)["Version"] == 1
    wrong = operator.run("access", "open", sealed, "--identity", other, code=2)
    assert "cannot be opened" in wrong.stderr
    assert wrong.stdout == ""
    lines = sealed.read_text().splitlines()
    lines[3] = lines[3][::-1]
    sealed.write_text("\n".join(lines))
    damaged = operator.run("access", "open", sealed, "--identity", mine, code=2)
    assert "cannot be opened" in damaged.stderr
    none = operator.run("access", "open", sealed, code=2)
    assert "no private key can be used" in none.stderr


def test_who_was_taken_out_by_a_commit_gets_nothing(operator, tmp_path):
    _, public = ssh_key(tmp_path)
    operator.user()
    assert "ada has no public key" in operator.run("access", "grant", "ada", code=2).stderr
    operator.user(public)
    operator.run("access", "grant", "ada")
    operator.user(public, groups="[]")
    out = operator.run("access", "grant", "ada", code=2)
    assert "ada is in 0 groups" in out.stderr
    assert out.stdout == ""
    named = operator.run("access", "grant", "ada", "--group", "lab", code=2)
    assert "ada is no member of the group lab" in named.stderr
    unknown = operator.run("access", "grant", "eve", code=2)
    assert "main has no user eve" in unknown.stderr


def test_a_session_that_is_open_ends_when_its_user_was_taken_out(operator, cloud, tmp_path):
    mine = tmp_path / "mine"
    operator.user(operator.run("access", "key", mine).stdout.strip())
    sealed = tmp_path / "ada.age"
    operator.run("access", "grant", "ada", "--output", sealed)
    opened = operator.run("access", "open", sealed, "--identity", mine, "--format", "json")
    s3 = session(json.loads(opened.stdout))
    s3.put_object(Bucket=BUCKET, Key="groups/lab/blobs/x", Body=b"x")
    deploy(cloud, ["grace"])
    try:
        for attempt in (
            lambda: s3.put_object(Bucket=BUCKET, Key="groups/lab/blobs/y", Body=b"x"),
            lambda: s3.get_object(Bucket=BUCKET, Key="groups/lab/blobs/x"),
        ):
            with pytest.raises(ClientError, match="AccessDenied"):
                attempt()
    finally:
        deploy(cloud, ["ada"])
    assert s3.get_object(Bucket=BUCKET, Key="groups/lab/blobs/x")["Body"].read() == b"x"
