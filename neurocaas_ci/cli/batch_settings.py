"""What the AWS Batch executor needs of the environment and of the registry."""

from __future__ import annotations

import functools
import os

from neurocaas_ci.build.cache import Cache
from neurocaas_ci.cli.common import say
from neurocaas_ci.errors import FindingsError, UsageError
from neurocaas_ci.executors.aws_batch import AwsBatchExecutor
from neurocaas_ci.executors.batch.client import Batch
from neurocaas_ci.executors.batch.requests import DEFAULT_LOG_GROUP, Settings
from neurocaas_ci.executors.interface import Executor, Runs
from neurocaas_ci.model.registry import Hardware
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run import records
from neurocaas_ci.run.delivery import publish_image
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.reconcile import MakeExecutor

STORE, IMAGE, ROLE = "NEUROCAAS_STORE", "NEUROCAAS_BATCH_IMAGE", "NEUROCAAS_BATCH_ROLE"
LOG_GROUP, PAUSE = "NEUROCAAS_BATCH_LOG_GROUP", "NEUROCAAS_BATCH_POLL_SECONDS"

_POLL_SECONDS = 20.0
_WHAT = {
    STORE: "the store that runner and workers share, s3://BUCKET/PREFIX",
    IMAGE: "the worker's container image, by its digest (docs/aws-batch.md)",
    ROLE: "the ARN of the role that jobs have; `neurocaas deploy` makes it",
}


def settings(isolation: str) -> Settings:
    """Read the settings of jobs; raise UsageError that names all that are missing."""
    missing = [name for name in _WHAT if not os.environ.get(name)]
    if missing:
        raise UsageError(
            f"AWS Batch needs {', '.join(missing)}",
            where="environment",
            hint="; ".join(f"{name}: {_WHAT[name]}" for name in missing),
        )
    return Settings(
        image=os.environ[IMAGE],
        role=os.environ[ROLE],
        store=os.environ[STORE],
        log_group=log_group(),
        isolation=isolation,
    )


def log_group() -> str:
    """Return the log group of jobs."""
    return os.environ.get(LOG_GROUP) or DEFAULT_LOG_GROUP


def batch_maker(home: Home, head: GitTree, *, isolation: str, wait: bool) -> MakeExecutor:
    """Return what makes an executor for each job; raise UsageError for missing settings."""
    chosen, pause = settings(isolation), _pause()
    batch = Batch.connect()
    registry, cache = Registry(head), Cache(home.cache)

    @functools.cache
    def hardware(name: str) -> Hardware:
        found = registry.hardware(name).value
        if found is None:
            raise FindingsError(f"the hardware {name} is not valid", where="registry/hardware")
        return found

    def make(runs: Runs) -> Executor:
        return AwsBatchExecutor(
            runs,
            batch,
            home.state,
            chosen,
            hardware=hardware,
            deliver=lambda image: publish_image(cache, image, home.blobs, home.state),
            encode=records.encode_spec,
            say=say,
            wait=wait,
            slowest=pause,
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
