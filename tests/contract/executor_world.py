"""A platform and its executors, for a suite that knows only the port.

Jobs are real: an environment of the integration tests, resolved from a registry, run by the worker.
"""

from __future__ import annotations

import importlib.util
import io
import os
import sys
import threading
from pathlib import Path

from neurocaas_ci.build.cache import Cache
from neurocaas_ci.build.images import Images
from neurocaas_ci.executors.aws_batch import AwsBatchExecutor
from neurocaas_ci.executors.batch.client import Batch
from neurocaas_ci.executors.batch.requests import Settings
from neurocaas_ci.executors.interface import RunGraph
from neurocaas_ci.executors.local import LocalExecutor
from neurocaas_ci.executors.slurm import SlurmExecutor
from neurocaas_ci.executors.slurm_client import SlurmCommands
from neurocaas_ci.executors.slurm_script import SlurmOptions
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run import records
from neurocaas_ci.run.delivery import publish_image
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.processors import Processors
from neurocaas_ci.run.resolve import load_job, resolve
from neurocaas_ci.run.sandbox import Sandbox
from neurocaas_ci.run.scratch import Scratch
from neurocaas_ci.run.worker import Worker
from neurocaas_ci.stores.names import remember

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
    """One platform; `graph` gives a job and its worker, and `executor` what the suite is about."""

    def __init__(self, platform, kind):
        self.platform, self.kind = platform, kind
        self.home = Home(
            platform.home,
            Path(platform.env["NEUROCAAS_CACHE"]),
            platform.env.get("NEUROCAAS_STORE"),
        )
        self.images = Images(self.home.cache, lambda _text: None)
        self.said = []

    def __enter__(self):
        self._scratch = Scratch(self.home.scratch)
        self._scratch.__enter__()
        return self

    def __exit__(self, *_):
        self._scratch.__exit__()

    def graph(self, name, contents, *, protocol="parallel", max_parallel=100, **job):
        """Commit a job, resolve it, and return its graph and its worker."""
        blueprint = {"parallel": "cloud"}.get(protocol, f"cloud-{protocol}")
        identity = self.platform.job(name, self._put(contents), blueprint=blueprint, **job)
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

    def log_is_there(self, graph, run):
        """Tell whether a workflow has begun: its log is there, wherever it runs."""
        stream = self.home.logs.open(records.log_key(graph.job, run))
        if stream is not None:
            stream.close()
        return stream is not None

    def _put(self, contents):
        """Store datasets as `data put` does it; return entries for a manifest."""
        entries = []
        for number, content in enumerate(contents):
            blob = self.home.blobs.put(io.BytesIO(content.encode()))
            name = f"d{number:03d}.txt"
            remember(self.home.state, name, blob)
            entries.append({"uri": f"store:{name}", "sha256": blob.sha256, "size": blob.size})
        return entries

    def executor(self, worker):
        if self.kind == "local":
            return LocalExecutor(worker, cpus=4, memory=8 * GB)
        if self.kind == "aws-batch":
            return self._on_batch(worker)
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

    def _on_batch(self, worker):
        head = GitTree(self.platform.repo, "refs/heads/main")
        registry, environment = Registry(head), self.platform.env
        settings = Settings(
            environment["NEUROCAAS_BATCH_IMAGE"], environment["NEUROCAAS_BATCH_ROLE"], self.home.store,
            "/neurocaas/batch",
        )  # fmt: skip
        return AwsBatchExecutor(
            worker, Batch.connect(), self.home.state, settings,
            hardware=lambda name: registry.hardware(name).value,
            deliver=lambda image: publish_image(
                Cache(self.home.cache), image, self.home.environments, self.home.state
            ),
            encode=records.encode_spec, say=self.said.append, slowest=0.5,
        )  # fmt: skip
