"""What jobs on AWS Batch are given: by hand, or by the names that a deployment makes for a group."""

from __future__ import annotations

import pytest

from neurocaas_ci.cli.batch_settings import confinement, settings
from neurocaas_ci.errors import UsageError
from neurocaas_ci.executors.batch.client import Batch
from neurocaas_ci.run.home import Home

STORE = "s3://bucket/p"


class Account:
    """Who STS says that we are."""

    def get_caller_identity(self):
        return {"Arn": "arn:aws-us-gov:sts::123456789012:assumed-role/runner/me"}


@pytest.fixture
def batch(monkeypatch):
    for name in ("ROLE", "LOG_GROUP", "BOUNDARY", "EXECUTION_ROLE"):
        monkeypatch.delenv(f"NEUROCAAS_BATCH_{name}", raising=False)
    monkeypatch.setenv("NEUROCAAS_STORE", STORE)
    monkeypatch.setenv("NEUROCAAS_BATCH_IMAGE", "worker@sha256:1")
    return Batch(None, None, lambda: None, Account, lambda: None)


def test_a_group_has_a_log_group_and_a_part_of_the_store(batch, tmp_path):
    home = Home(tmp_path, store=f"{STORE}/groups/lab", group="lab")
    found = settings(home, batch, "sandbox")
    assert found.role == ""
    assert found.log_group == "/neurocaas/groups/lab"
    assert found.store == f"{STORE}/groups/lab"
    assert (
        found.execution_role
        == "arn:aws-us-gov:iam::123456789012:role/neurocaas/neurocaas-execution"
    )


def test_jobs_of_a_group_have_roles_within_the_limit_that_was_deployed(batch, tmp_path):
    home = Home(tmp_path, store=f"{STORE}/groups/lab", group="lab")
    roles = confinement(home, batch, settings(home, batch, "sandbox")).roles
    assert (
        roles.boundary == "arn:aws-us-gov:iam::123456789012:policy/neurocaas/neurocaas-job-boundary"
    )
    assert (roles.store, roles.group) == (f"{STORE}/groups/lab", "lab")


@pytest.mark.parametrize(
    ("said", "level"), [("", None), ("chroot", "chroot"), ("unsandboxed", "none")]
)
def test_what_is_accepted_of_fargate(batch, tmp_path, monkeypatch, said, level):
    monkeypatch.setenv("NEUROCAAS_BATCH_FARGATE", said)
    home = Home(tmp_path, store=STORE)
    assert settings(home, batch, "sandbox").task_isolation == level
    monkeypatch.setenv("NEUROCAAS_BATCH_FARGATE", "sandboxed")
    with pytest.raises(UsageError, match="'sandboxed' says nothing") as raised:
        settings(home, batch, "sandbox")
    assert "chroot or unsandboxed" in raised.value.hint


def test_what_is_said_by_hand_counts(batch, tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROCAAS_BATCH_ROLE", "arn:mine")
    monkeypatch.setenv("NEUROCAAS_BATCH_LOG_GROUP", "/mine")
    home = Home(tmp_path, store=STORE, group="lab")
    found = settings(home, batch, "none")
    assert (found.role, found.log_group, found.isolation) == ("arn:mine", "/mine", "none")
    assert confinement(home, batch, found) is None


def test_all_that_is_missing_is_named_at_once(batch, tmp_path, monkeypatch):
    monkeypatch.delenv("NEUROCAAS_BATCH_IMAGE")
    monkeypatch.delenv("NEUROCAAS_STORE")
    with pytest.raises(UsageError, match="STORE, NEUROCAAS_BATCH_IMAGE"):
        settings(Home(tmp_path), batch, "sandbox")
