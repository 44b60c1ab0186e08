"""A blueprint: one published analysis; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from neurocaas_ci.named import NamedTuple

Stage = Literal["develop", "invited", "open"]
Implementation = Literal["upstream", "from-paper"]


class Reference(NamedTuple):
    """A publication that describes the analysis."""

    citation: str
    url: str = ""


class RunLimits(NamedTuple):
    """What one run may use; every number is a hard bound.

    `memory`, `output_size`, `file_size`, `log_size` and `tmp_size` are bytes, `cpus` is the number
    of processors that the scheduler sets aside, `processes` counts tasks (threads included).
    """

    memory: int = 2 << 30
    cpus: int = 1
    processes: int = 256
    output_size: int = 4 << 30
    output_files: int = 10_000
    file_size: int = 4 << 30
    log_size: int = 16 << 20
    tmp_size: int = 1 << 30


class Step(NamedTuple):
    """One step of a blueprint: an IAE on a hardware type, for at most `max_runtime` seconds."""

    id: str
    iae: str
    hardware: str
    hardware_allowed: tuple[str, ...]
    max_runtime: int
    limits: RunLimits = RunLimits()


class DatasetRules(NamedTuple):
    """Which datasets a blueprint accepts; `max_size` is bytes; no suffixes means any."""

    suffixes: tuple[str, ...] = ()
    max_size: int = 2 << 30


class OutputRule(NamedTuple):
    """A declared output (a path or glob under /outputs) and how a replay compares it."""

    path: str
    compare: Mapping[str, Any]
    required: bool = True


class BlueprintLimits(NamedTuple):
    """Bounds on a job (runs at once, US dollars), and on the US dollars of all jobs together."""

    max_parallel: int = 100
    max_cost_usd: float = 300.0
    budget_usd: float | None = None


class Blueprint(NamedTuple):
    """One analysis as published: `registry/blueprints/<name>.yaml`."""

    name: str
    version: str
    title: str
    summary: str
    subfield: str
    references: tuple[Reference, ...]
    maintainers: tuple[str, ...]
    stage: Stage
    groups: tuple[str, ...]
    protocol: str
    steps: tuple[Step, ...]
    datasets: DatasetRules
    parameters: Mapping[str, Any]
    outputs: tuple[OutputRule, ...]
    limits: BlueprintLimits
    license: str | None = None
    implementation: Implementation | None = None

    def step(self, step_id: str) -> Step:
        """Return the step with this id; raise KeyError when there is none."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)
