"""What is recorded of a run, by how it ended; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.run import (
    InputFile,
    Isolation,
    LogFile,
    OutputFile,
    Reason,
    RunRecord,
    RunSpec,
    RunStatus,
    Usage,
)
from neurocaas_ci.named import NamedTuple
from neurocaas_ci.run.sandbox import SandboxResult

_NO_ISOLATION = Isolation(level="none", network=False)


class Effort(NamedTuple):
    """One attempt: when it began, its number, where (`machine`), and the seconds of its parts."""

    began: str
    number: int
    machine: Mapping[str, Any] | None
    stages: Mapping[str, float]


def ran(
    spec: RunSpec,
    identity: Sha256,
    inputs: tuple[InputFile, ...],
    result: SandboxResult,
    outputs: tuple[OutputFile, ...],
    problem: tuple[Reason, str] | None,
    log: LogFile,
    effort: Effort,
) -> RunRecord:
    """Return the record of a run whose command was started; `problem` is one of its outputs."""
    status, reason, message = _judge(result, problem)
    return RunRecord(
        job=spec.job,
        run=spec.run,
        step=spec.step,
        identity=identity,
        status=status,
        reason=reason,
        message=message,
        exit_code=result.exit_code,
        image=spec.image,
        inputs=inputs,
        outputs=outputs,
        log=log,
        usage=result.usage,
        isolation=result.isolation,
        hardware=spec.hardware,
        started=effort.began,
        ended=now(),
        attempt=effort.number,
        stages=effort.stages,
        machine=effort.machine,
    )


def never_ran(
    spec: RunSpec, status: RunStatus, reason: Reason, message: str, log: LogFile | None
) -> RunRecord:
    """Return the record of a run that does not start any more; `log` is of an earlier attempt."""
    at = now()
    return RunRecord(
        job=spec.job,
        run=spec.run,
        step=spec.step,
        identity=spec.identity(spec.inputs),
        status=status,
        reason=reason,
        message=message,
        exit_code=None,
        image=spec.image,
        inputs=spec.inputs,
        outputs=(),
        log=log,
        usage=Usage(),
        isolation=_NO_ISOLATION,
        hardware=spec.hardware,
        started=at,
        ended=at,
    )


def taken(spec: RunSpec, earlier: RunRecord, began: str) -> RunRecord:
    """Return the record of a run whose result is that of an identical earlier one."""
    return earlier._replace(
        job=spec.job,
        run=spec.run,
        step=spec.step,
        hardware=spec.hardware,
        usage=Usage(),
        stages={},
        started=began,
        ended=now(),
        taken_from=earlier.taken_from or f"{earlier.job}#{earlier.run}",
    )


def same_results(earlier: RunRecord, record: RunRecord) -> bool:
    """Tell whether both are of one computation that succeeded, with the same outputs."""
    return (
        earlier.status == record.status == "succeeded"
        and earlier.identity == record.identity
        and earlier.outputs == record.outputs
    )


def now() -> str:
    """Return the time as records have it: UTC, RFC 3339 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _judge(
    result: SandboxResult, problem: tuple[Reason, str] | None
) -> tuple[RunStatus, Reason, str]:
    if result.reason == "cancelled":
        return "cancelled", "cancelled", result.message or "the job was cancelled"
    if result.reason != "exited":
        return "failed", result.reason, result.message
    if problem is not None:
        return "failed", *problem
    return "succeeded", "exited", result.message
