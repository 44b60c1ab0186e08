"""What the AWS Batch executor needs of the environment and of the registry."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from neurocaas_ci.build.cache import Cache
from neurocaas_ci.cli.common import say
from neurocaas_ci.errors import FindingsError, UsageError
from neurocaas_ci.executors.aws_batch import AwsBatchExecutor
from neurocaas_ci.executors.batch import fargate
from neurocaas_ci.executors.batch.client import Batch
from neurocaas_ci.executors.batch.confinement import Confinement
from neurocaas_ci.executors.batch.requests import Settings
from neurocaas_ci.executors.batch.roles import Roles
from neurocaas_ci.executors.gathering import Gathering
from neurocaas_ci.executors.interface import Executor, Runs
from neurocaas_ci.model import cloud_names
from neurocaas_ci.model.cloud_names import IAM_PATH, PREFIX
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.money import Microdollars
from neurocaas_ci.model.registry import Hardware
from neurocaas_ci.model.run import IsolationLevel
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run import records
from neurocaas_ci.run.delivery import publish_image
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.observer import MakeExecutor

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

STORE, IMAGE, ROLE = "NEUROCAAS_STORE", "NEUROCAAS_BATCH_IMAGE", "NEUROCAAS_BATCH_ROLE"
EXECUTION_ROLE, BOUNDARY = "NEUROCAAS_BATCH_EXECUTION_ROLE", "NEUROCAAS_BATCH_BOUNDARY"
LOG_GROUP, PAUSE = "NEUROCAAS_BATCH_LOG_GROUP", "NEUROCAAS_BATCH_POLL_SECONDS"

_POLL_SECONDS = 20.0
# Jobs of one pass are looked at within this time of each other, and count as seen at once.
_FRESH_S = 2.0
_DEFAULT_LOG_GROUP = "/neurocaas/batch"
_WHAT = {
    STORE: "the store that runner and workers share, s3://BUCKET/PREFIX",
    IMAGE: "the worker's container image, by its digest (docs/aws-batch.md)",
}


def settings(home: Home, batch: Batch, isolation: str) -> Settings:
    """Read the settings of jobs; raise UsageError that names all that are missing.

    For one group, log group and the role that pulls images are those that `neurocaas deploy` made for
    it. Without NEUROCAAS_BATCH_ROLE the role is empty: each job gets one of its own.
    """
    given = {name: os.environ.get(name, "") for name in _WHAT}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise UsageError(
            f"AWS Batch needs {', '.join(missing)}",
            where="environment",
            hint="; ".join(f"{name}: {_WHAT[name]}" for name in missing),
        )
    execution_role = os.environ.get(EXECUTION_ROLE, "")
    if home.group is not None and not execution_role:
        execution_role = _arn(batch.caller(), f"role{IAM_PATH}{cloud_names.EXECUTION_ROLE}")
    return Settings(
        image=given[IMAGE],
        role=os.environ.get(ROLE, ""),
        store=home.store or given[STORE],
        log_group=log_group(home),
        isolation=isolation,
        execution_role=execution_role,
        task_isolation=_task_isolation(),
    )


def _task_isolation() -> IsolationLevel | None:
    text = os.environ.get(fargate.SETTING, "")
    if text and text not in fargate.CONSENTS:
        raise UsageError(
            f"{text!r} says nothing about tasks of Fargate",
            where=fargate.SETTING,
            hint=f"write {' or '.join(fargate.CONSENTS)}, or leave it out: docs/aws-batch.md",
        )
    return fargate.CONSENTS.get(text)


def confinement(home: Home, batch: Batch, chosen: Settings) -> Confinement | None:
    """Return how jobs get roles of their own; None where all have the one that was named.

    For one group, no such role can do more than what `neurocaas deploy` has set as the limit.
    """
    if chosen.role:
        return None
    caller, boundary = batch.caller(), os.environ.get(BOUNDARY, "")
    if home.group is not None and not boundary:
        boundary = _arn(caller, f"policy{IAM_PATH}{PREFIX}-job-boundary")

    @functools.cache
    def client() -> IAMClient:
        import boto3

        return boto3.session.Session().client("iam")

    def bring(job: str, digest: Sha256) -> None:
        cell = home.cell_of(job)
        assert cell is not None  # noqa: S101 - `settings` wants a store
        cell.bring(digest)

    roles = Roles(client, caller, chosen.store, boundary, home.group)
    return Confinement(batch, home.state, roles, bring)


def _arn(caller: str, resource: str) -> str:
    """Return the address of what IAM of the caller's account calls `resource`."""
    _, partition, _, _, account, _ = caller.split(":", 5)
    return f"arn:{partition}:iam::{account}:{resource}"


def log_group(home: Home) -> str:
    """Return the log group of jobs."""
    made = _DEFAULT_LOG_GROUP if home.group is None else cloud_names.log_group(home.group)
    return os.environ.get(LOG_GROUP) or made


def batch_maker(
    home: Home,
    head: GitTree,
    *,
    isolation: str,
    hold: Callable[[str, Microdollars], None] | None = None,
) -> MakeExecutor:
    """Return what makes an executor for each job; raise UsageError for missing settings.

    `hold` is asked before runs are submitted again, where somebody is charged for them.
    """
    pause, batch = _pause(), Batch.connect()
    chosen = settings(home, batch, isolation)
    confined = confinement(home, batch, chosen)
    registry, cache = Registry(head), Cache(home.cache)
    describe = Gathering(batch.describe, fresh=min(pause, _FRESH_S))

    @functools.cache
    def hardware(name: str) -> Hardware:
        found = registry.hardware(name).value
        if found is None:
            raise FindingsError(
                f"the hardware {name} is not valid",
                where="registry/hardware",
                hint="`neurocaas validate` says what is wrong with it",
            )
        return found

    def make(runs: Runs) -> Executor:
        return AwsBatchExecutor(
            runs,
            batch,
            home.state,
            chosen,
            hardware=hardware,
            deliver=lambda image: publish_image(cache, image, home.environments, home.state),
            encode=records.encode_spec,
            say=say,
            slowest=pause,
            describe=describe,
            confinement=confined,
            hold=hold,
        )

    return make


def _pause() -> float:
    text = os.environ.get(PAUSE) or str(_POLL_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"{text!r} is no number of seconds", where=PAUSE, hint="write 20")
    return seconds
