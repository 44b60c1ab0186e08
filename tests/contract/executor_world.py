"""A platform and its executors, for a suite that knows only the port.

Jobs are real: an environment of the integration tests, resolved from a registry, run by the worker.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from pathlib import Path

from neurocaas_ci.build.images import Images
from neurocaas_ci.executors.interface import RunGraph
from neurocaas_ci.executors.local import LocalExecutor
from neurocaas_ci.executors.slurm import SlurmExecutor
from neurocaas_ci.executors.slurm_client import SlurmCommands
from neurocaas_ci.executors.slurm_script import SlurmOptions
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.processors import Processors
from neurocaas_ci.run.resolve import load_job, resolve
from neurocaas_ci.run.sandbox import Sandbox
from neurocaas_ci.run.stage import Scratch
from neurocaas_ci.run.worker import Worker

_TESTS = Path(__file__).parents[1]
GB = 1 << 30


def load(path):
    """Import a helper of another folder of tests under a name of its own."""
    name = "contract_" + path.replace("/", "_").removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, _TESTS / path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class World:
    """One platform; `runs` is its worker and `executor` makes what the suite is about."""

    def __init__(self, platform, kind):
        self.platform, self.kind = platform, kind
        self.home = Home(platform.home, Path(platform.env["NEUROCAAS_CACHE"]))
        self.images = Images(self.home.cache, lambda _text: None)
        self.said = []

    def __enter__(self):
        self._scratch = Scratch(self.home.scratch)
        self._scratch.__enter__()
        return self

    def __exit__(self, *_):
        self._scratch.__exit__()

    def graph(self, name, contents, *, max_parallel=100, **job):
        """Commit a job, resolve it, and return its graph and its worker."""
        identity = self.platform.job(name, self.platform.put(*contents), **job)
        with GitTree(self.platform.repo, "refs/heads/main") as head:
            path = f"registry/jobs/{identity}.yaml"
            resolved = resolve(
                self.platform.repo, load_job(head, path), registry_commit=head.commit, head=head,
                images=self.images, use_cache=False,
            )  # fmt: skip
        worker = Worker(
            blobs=self.home.blobs, state=self.home.state, scratch=self._scratch,
            sandbox=Sandbox.probe("sandbox", self.home.scratch),
            root_of=resolved.roots.__getitem__, logs=self.home.logs,
            stop=threading.Event(), cancel=threading.Event(), processors=Processors(2),
        )  # fmt: skip
        return RunGraph(identity, resolved.specs, max_parallel), worker

    def executor(self, worker):
        if self.kind == "local":
            return LocalExecutor(worker, cpus=4, memory=8 * GB)
        options = SlurmOptions(
            command=(sys.executable, "-m", "neurocaas_ci.cli.main", "worker"),
            environment={
                "PATH": os.environ["PATH"], "HOME": os.environ["HOME"],
                "PYTHONPATH": str(_TESTS.parent), "NEUROCAAS_HOME": str(self.home.root),
                "NEUROCAAS_CACHE": str(self.home.cache),
            },
        )  # fmt: skip
        return SlurmExecutor(
            worker, SlurmCommands(), self.home.state, options, encode=records.encode_spec,
            say=self.said.append,
        )  # fmt: skip
