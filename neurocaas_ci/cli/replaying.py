"""What `replay` and `audit` share: a replayer on this machine, as `reconcile` runs jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from neurocaas_ci.audit.history import History
from neurocaas_ci.audit.replay import Replayer
from neurocaas_ci.build.images import Images
from neurocaas_ci.cli.common import say
from neurocaas_ci.cli.progress import make_observer
from neurocaas_ci.executors.local import LocalExecutor
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.machine import available_memory
from neurocaas_ci.run.sandbox import Sandbox


@contextmanager
def replayer(
    history: History,
    home: Home,
    *,
    isolation: Literal["sandbox", "none"] = "sandbox",
    cpus: int | None = None,
    originals: Path | None = None,
) -> Iterator[Replayer]:
    """Give a replayer that shows how it goes on; `home` is one that a sandbox can reach."""
    count = cpus or len(os.sched_getaffinity(0))
    observer = make_observer(home)
    try:
        yield Replayer(
            repo=history.repo,
            home=home,
            images=Images(home.cache, say),
            sandbox=lambda scratch: Sandbox.probe(isolation, scratch),
            make_executor=lambda runs: LocalExecutor(
                runs, cpus=count, memory=available_memory(), ahead=1
            ),
            observer=observer,
            cpus=count,
            originals=originals,
        )
    finally:
        observer.close()
