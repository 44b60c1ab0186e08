"""Registries made for deploying, as values and as files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from neurocaas_ci.model.blueprint import Blueprint, BlueprintLimits, DatasetRules, RunLimits, Step
from neurocaas_ci.model.registry import Group, Hardware
from neurocaas_ci.registry.tree import REGULAR, TreeEntry, blob_id

GIB = 1 << 30


def hardware(name: str, *, provider="aws", vcpus=4, gpus=0, save: float | None = None) -> Hardware:
    """Return a hardware type; `save` is its price as spot."""
    launch = ("fargate" if name.startswith("fargate") else "ec2") if provider == "aws" else None
    return Hardware(name, provider, vcpus, 16 * GIB, gpus, 0.2, save, "list", "2026-11-23", launch)


def blueprint(
    name: str, default: str, *allowed: str, gigabytes: int = 1, parallel: int = 10
) -> Blueprint:
    """Return a blueprint of one step whose datasets have at most so many GB."""
    limits = RunLimits(output_size=10**9, tmp_size=10**8, log_size=10**6)
    step = Step("only", "demo", default, (default, *allowed), 3600, limits)
    return Blueprint(
        name, "1.0.0", name, name, name, (), ("ada",), "open", (), "parallel", (step,),
        DatasetRules(max_size=gigabytes * 10**9), {}, (), BlueprintLimits(max_parallel=parallel),
    )  # fmt: skip


def group(name: str, usd: float = 100.0) -> Group:
    """Return a group with a budget."""
    return Group(name, name, usd, ("ada",), ())


class Files:
    """The Tree port over a dictionary of texts."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = dict(files)

    def read(self, path: str, limit: int | None = None) -> bytes | None:
        text = self._files.get(path)
        return None if text is None else text.encode()[: None if limit is None else limit + 1]

    def entries(self, prefix: str = "") -> list[TreeEntry]:
        return sorted(
            TreeEntry(path, REGULAR, blob_id(text.encode()))
            for path, text in self._files.items()
            if not prefix or path.startswith(f"{prefix.strip('/')}/")
        )


def hardware_file(name: str, save: float | None = None, vcpus: int = 4) -> dict[str, str]:
    """Return the file of a hardware type of AWS."""
    prices = "{standard: 0.2}" if save is None else f"{{standard: 0.2, save: {save}}}"
    return {
        f"registry/hardware/{name}.yaml": f"schema: neurocaas/hardware/v1\nid: {name}\nprovider: aws\n"
        f"vcpus: {vcpus}\nmemory: 16GiB\ngpus: 0\nprice_usd_per_hour: {prices}\nsource: list\n"
        'date: "2026-11-23"\n'
    }


def group_file(name: str, usd: float = 100) -> dict[str, str]:
    """Return the file of a group."""
    return {
        f"registry/groups/{name}.yaml": f"schema: neurocaas/group/v1\nname: {name}\ntitle: {name}\n"
        f"budget_usd: {usd}\nmembers: [ada]\n"
    }


def blueprint_file(
    name: str, hardware: Iterable[str], size: str = "2GB", parallel: int = 10
) -> dict[str, str]:
    """Return the file of a blueprint that may use the hardware; the first is its default."""
    names = list(hardware)
    return {
        f"registry/blueprints/{name}.yaml": f"""\
schema: neurocaas/blueprint/v1
name: {name}
version: 1.0.0
title: Demo
summary: Counts things.
subfield: Counting
references: [{{citation: Counter 1999, url: "https://example.org/counter"}}]
maintainers: [ada]
stage: open
groups: []
protocol: parallel
steps:
  - id: count
    iae: demo
    hardware: {{default: {names[0]}, allowed: [{", ".join(names)}]}}
    max_runtime: 1h
datasets: {{suffixes: [.csv], max_size: {size}}}
parameters: {{type: object, additionalProperties: false, properties: {{}}}}
outputs:
  - {{path: result.npz, compare: {{kind: exact}}}}
limits: {{max_parallel: {parallel}, max_cost_usd: 50}}
license: MIT
"""
    }


def small(**extra: str) -> dict[str, str]:
    """Return the files of a small platform; `extra` adds or replaces by path."""
    return {
        **hardware_file("m5.large", vcpus=2),
        **hardware_file("m5.xlarge", save=0.07),
        **blueprint_file("demo", ["m5.large", "m5.xlarge"]),
        **group_file("lab"),
        **extra,
    }


def write(files: Mapping[str, str], root: Path) -> None:
    """Write files below a folder."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def commit(folder, files):
    """Put files on main of a repository; return the id of the commit."""
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
    }  # fmt: skip

    def git(*arguments):
        identity = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=folder, env=env, check=True, capture_output=True,
            text=True,
        )  # fmt: skip
        return done.stdout.strip()

    if not (folder / ".git").exists():
        git("init", "-q", "-b", "main")
    write(files, folder)
    git("add", *sorted({path.partition("/")[0] for path in files}))
    git("commit", "-q", "-m", "change")
    return git("rev-parse", "HEAD")
