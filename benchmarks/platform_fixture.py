"""A small platform for benchmarks: a registry in git, one analysis, many datasets of 1 MB."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

from neurocaas_ci.run.home import Home
from neurocaas_ci.stores.names import remember

SIZE = 1_000_000
BLUEPRINT = """\
schema: neurocaas/blueprint/v1
name: bench
version: 1.0.0
title: Benchmark of the platform
summary: Reads one megabyte, works for about twenty milliseconds, writes a summary.
subfield: Benchmarks
references: [{citation: "none"}]
license: Apache-2.0
maintainers: [ada]
stage: open
groups: []
protocol: parallel
steps:
  - id: work
    iae: bench-stdlib
    hardware: {default: laptop, allowed: [laptop]}
    max_runtime: 5m
    limits: {memory: 512MB}
datasets: {suffixes: [.bin], max_size: 10MB}
parameters: {type: object, additionalProperties: false, properties: {}}
outputs:
  - {path: summary.json, compare: {kind: exact}}
  - {path: reduced.bin, compare: {kind: exact}}
limits: {max_parallel: 1000, max_cost_usd: 300}
"""


class Platform:
    """A registry repository and a home folder below one working folder."""

    def __init__(self, folder: Path, source: Path, blueprint: str = BLUEPRINT) -> None:
        self.repo = folder / "registry"
        self.home = Home(folder / "home")
        self.home.root.mkdir(parents=True)
        self.env = {
            # An installed program has its bytecode; a set-up that forbids it would measure that.
            **{k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
            "NEUROCAAS_HOME": str(self.home.root),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "ada",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
        }
        self._seed = 0
        for part in ("registry/hardware", "registry/users", "registry/groups", "iae/bench-stdlib"):
            shutil.copytree(source / part, self.repo / part)
        (self.repo / "registry/blueprints").mkdir()
        (self.repo / "registry/blueprints/bench.yaml").write_text(blueprint)
        self.git("init", "-q", "-b", "main")
        self.commit("Publish the benchmark")

    def git(self, *arguments: str) -> None:
        """Run git in the registry."""
        subprocess.run(["git", *arguments], cwd=self.repo, env=self.env, check=True)

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def datasets(self, count: int) -> list[tuple[str, str]]:
        """Make new datasets in the store; return (name, digest) pairs."""
        made: list[tuple[str, str]] = []
        for _ in range(count):
            self._seed += 1
            data = _content(self._seed)
            path = self.home.root / f"{self._seed}.tmp"
            path.write_bytes(data)
            blob = self.home.blobs.adopt(path)
            name = f"d{self._seed:06d}.bin"
            remember(self.home.state, name, blob)
            made.append((name, blob.sha256))
        return made

    def job(self, name: str, datasets: list[tuple[str, str]], hardware: str = "") -> None:
        """Commit a job on the datasets, for other hardware than the default where some is named."""
        path = self.repo / f"registry/jobs/ada/2026-11/{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = "\n".join(
            f'  - {{uri: "store:{n}", sha256: "{d}", size: {SIZE}}}' for n, d in datasets
        )
        path.write_text(
            f"schema: neurocaas/job/v1\nname: {name}\nuser: ada\ngroup: example-lab\n"
            f"blueprint: bench@1.0.0\ndatasets:\n{rows}\n"
            "parameters: {}\npricing: standard\nmax_runtime: 5m\n"
            + (f"hardware: {{work: {hardware}}}\n" if hardware else "")
        )
        self.commit(f"Submit {name}")

    def files(self, datasets: list[tuple[str, str]], folder: Path) -> list[Path]:
        """Lay the datasets out as files for a plain loop; return them."""
        made = []
        for name, digest in datasets:
            target = folder / name / "dataset" / name
            target.parent.mkdir(parents=True)
            os.link(self.home.blobs.path(digest), target)  # type: ignore[arg-type]
            (folder / name / "out").mkdir()
            made.append(folder / name)
        return made


def _content(seed: int) -> bytes:
    """Return 1 MB that compresses somewhat, different for each seed."""
    generator = random.Random(seed)  # noqa: S311 - reproducible test data, not a secret
    block = bytes(generator.choices(range(32), k=SIZE // 10))
    return b"".join(block[i * 97 :] + block[: i * 97] for i in range(10))
