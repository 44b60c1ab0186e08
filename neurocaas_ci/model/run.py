"""Runs: what a worker is told, and what it recorded; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.digest import Sha256, canonical_json, sha256_bytes

RunStatus = Literal["succeeded", "failed", "cancelled", "skipped"]
Reason = Literal[
    "exited",
    "nonzero_exit",
    "killed",
    "memory_limit",
    "time_limit",
    "output_limit",
    "bad_output",
    "missing_output",
    "bad_input",
    "cancelled",
    "upstream_failed",
]
IsolationLevel = Literal["sandbox", "chroot", "none"]


class InputFile(NamedTuple):
    """A file that a run sees at `/inputs/<path>`; `size` is bytes."""

    path: str
    sha256: Sha256
    size: int


class OutputFile(NamedTuple):
    """A regular file that a run left at `/outputs/<path>`; `size` is bytes."""

    path: str
    sha256: Sha256
    size: int


class RunSpec(NamedTuple):
    """Everything a worker needs to execute one run, on any machine.

    `image` is the OCI manifest digest; `config` is what the workflow reads as config.yaml;
    `max_runtime` is seconds of wall time.
    """

    job: str
    run: str
    step: str
    image: Sha256
    command: tuple[str, ...]
    environment: Mapping[str, str]
    config: Mapping[str, Any]
    inputs: tuple[InputFile, ...]
    needs: Mapping[str, str]
    outputs_required: tuple[str, ...]
    limits: RunLimits
    max_runtime: int
    hardware: str
    determinism: str
    use_cache: bool = True

    def identity(self, inputs: tuple[InputFile, ...]) -> Sha256:
        """Return the digest that two runs share exactly when they are the same computation."""
        return sha256_bytes(
            canonical_json(
                {
                    "image": self.image,
                    "command": list(self.command),
                    "environment": dict(self.environment),
                    "config": dict(self.config),
                    "inputs": sorted([i.path, i.sha256] for i in inputs),
                }
            )
        )


class Usage(NamedTuple):
    """What a run used: seconds, bytes; `samples` rows are (seconds since start, CPU s, memory bytes)."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    memory_peak: int = 0
    samples: tuple[tuple[float, float, int], ...] = ()


class Isolation(NamedTuple):
    """What was really enforced around a run; `cgroup` is v1, v2 or none."""

    level: IsolationLevel
    user_namespace: bool = False
    network: bool = True
    seccomp: bool = False
    cgroup: str = "none"
    enforced: tuple[str, ...] = ()


class LogFile(NamedTuple):
    """The stored log of a run; `dropped` counts bytes over the limit that were not kept."""

    sha256: Sha256
    size: int
    dropped: int = 0


class RunRecord(NamedTuple):
    """What happened in one run; `started` and `ended` are UTC, ISO 8601.

    `taken_from` is `<job id>#<run id>` when an identical earlier run was reused; `stages` maps
    the parts of a run (stage_in, sandbox_start, script, hash_store) to seconds. `attempt` counts
    how often the run was started, interruptions included. `machine` is what is known of the machine
    where an engine placed the run; None when it is the one that keeps the job's record.
    """

    job: str
    run: str
    step: str
    identity: Sha256
    status: RunStatus
    reason: Reason
    message: str
    exit_code: int | None
    image: Sha256
    inputs: tuple[InputFile, ...]
    outputs: tuple[OutputFile, ...]
    log: LogFile | None
    usage: Usage
    isolation: Isolation
    hardware: str
    started: str
    ended: str
    attempt: int = 1
    taken_from: str | None = None
    stages: Mapping[str, float] = MappingProxyType({})
    machine: Mapping[str, Any] | None = None
