"""What a sandbox is asked for and what it answers; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.run import Isolation, Reason, Usage


class SandboxRequest(NamedTuple):
    """One command in one root.

    `root` appears read-only as `/`, `inputs` read-only as `/inputs`, `outputs` writable as
    `/outputs`; `log` is created. `max_runtime` is seconds of wall time. `claim_fd` is a descriptor
    that stays open, out of reach of the command, until nothing of the sandbox is left. `writable`
    are further folders that the command fills, where `limits.tmp_size` cannot be the size of a mount. With
    `own_root` nobody else uses the root, and it may be taken.
    """

    root: Path
    command: tuple[str, ...]
    environment: Mapping[str, str]
    inputs: Path
    outputs: Path
    log: Path
    limits: RunLimits
    max_runtime: int
    claim_fd: int | None = None
    writable: tuple[Path, ...] = ()
    own_root: bool = False


class SandboxResult(NamedTuple):
    """How the command ended; `stages` maps sandbox_start and script to seconds.

    `exit_code` is the shell's convention (128 + signal for a killed command), None when the
    command did not end by itself. `log_dropped` counts bytes of output that were not kept.
    """

    reason: Reason
    exit_code: int | None
    signal: int | None
    message: str
    usage: Usage
    isolation: Isolation
    log_dropped: int
    stages: Mapping[str, float]
