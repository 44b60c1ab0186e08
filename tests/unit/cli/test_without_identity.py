"""Where analyses run there is no identity, and what that rules out is said before anything runs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from neurocaas_ci.cli.without_identity import check_place
from neurocaas_ci.errors import UsageError

ROLE = {"NEUROCAAS_AWS_ROLE": "arn:aws:iam::123456789012:role/neurocaas/neurocaas-run"}
HOSTED, OWN = {"RUNNER_ENVIRONMENT": "github-hosted"}, {"RUNNER_ENVIRONMENT": "self-hosted"}
BUCKET = "s3://lab/store"


@pytest.mark.parametrize(
    ("kind", "store", "environment"),
    [
        ("local", BUCKET, HOSTED),
        ("local", BUCKET, ROLE),
        ("local", None, ROLE),
        ("local", BUCKET, HOSTED | ROLE),
    ],
    ids=str,
)
def test_it_is_refused_with_what_to_do_instead(kind, store, environment):
    with pytest.raises(UsageError) as caught:
        check_place(kind, store, environment)
    assert "aws-batch" in str(caught.value.hint)
    assert "NEUROCAAS_RUNNER" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("kind", "store", "environment"),
    [
        ("local", None, HOSTED),
        ("local", BUCKET, OWN),
        ("local", BUCKET, {}),
        ("aws-batch", BUCKET, HOSTED | ROLE),
    ],
    ids=str,
)
def test_other_places_are_left_alone(kind, store, environment):
    check_place(kind, store, environment)


@pytest.mark.parametrize("command", [["run", "--no-certify"], ["run", "--executor", "slurm"]])
def test_the_command_says_so_and_asks_nobody(tmp_path, command):
    """Neither S3 nor an address for identities is reached: there is none."""
    repo = tmp_path / "repo"
    (repo / "registry/jobs/ada/2026-11").mkdir(parents=True)
    (repo / "registry/jobs/ada/2026-11/one.yaml").write_text("schema: neurocaas/job/v1\n")
    git = ["git", "-C", str(repo), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *arguments], check=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "NEUROCAAS_"))}
    env |= {
        **HOSTED, "NEUROCAAS_STORE": BUCKET, "NEUROCAAS_HOME": str(tmp_path / "home"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "neurocaas_ci.cli.main", *command, "--no-fetch"], cwd=repo, env=env,
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert "NEUROCAAS_STORE" in done.stderr
    assert "hint:" in done.stderr
