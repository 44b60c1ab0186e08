"""What `replay` and `audit` share: a replayer, which runs jobs as `reconcile` does."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from neurocaas_ci.audit.history import History
from neurocaas_ci.audit.replay import Replayer
from neurocaas_ci.build.images import Images
from neurocaas_ci.cli.common import say
from neurocaas_ci.cli.executor_option import executor_maker
from neurocaas_ci.cli.progress import make_observer
from neurocaas_ci.cli.without_identity import check_place
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.registry import ExecutorKind
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.sandbox import Sandbox


@contextmanager
def replayer(
    history: History,
    home: Home,
    *,
    isolation: Literal["sandbox", "none"] = "sandbox",
    cpus: int | None = None,
    originals: Path | None = None,
    executor: ExecutorKind = "local",
) -> Iterator[Replayer]:
    """Give a replayer that shows how it goes on; `home` is one that a sandbox can reach."""
    check_place(executor, home.store, os.environ)
    count = cpus or len(os.sched_getaffinity(0))
    observer = make_observer(home, live=executor == "local")
    away = executor == "aws-batch"
    if away and home.store is None:
        raise UsageError(
            "a replay on AWS Batch needs a store that its machines can reach",
            where="NEUROCAAS_STORE",
            hint="set it to s3://BUCKET/PREFIX; the replay uses a prefix of its own below, for a while",
        )
    try:
        yield Replayer(
            repo=history.repo,
            home=home,
            images=Images(home.cache, say),
            # An engine's machines sandbox; this one may not be able to.
            sandbox=lambda scratch: Sandbox.probe(
                isolation if executor == "local" else "none", scratch
            ),
            executors=lambda own, head: executor_maker(
                executor, own, head, cpus=count, isolation=isolation
            ),
            apart=lambda folder: _apart(home, folder, away=away),
            observer=observer,
            cpus=count,
            originals=originals,
        )
    finally:
        observer.close()


@contextmanager
def _apart(home: Home, folder: Path, *, away: bool) -> Iterator[Home]:
    """Give a home of which nobody else knows; of one on S3, nothing is left afterwards."""
    if not away:
        yield Home(folder, home.cache)
        return
    from neurocaas_ci.stores.s3_clear import clear
    from neurocaas_ci.stores.s3_client import make_client, parse_place

    store = f"{home.store}/replays/{uuid.uuid4().hex}"
    try:
        yield Home(folder, home.cache, store, home.group)
    finally:
        clear(parse_place(store), make_client())
