"""Execute one run: claim, stage in, sandbox, store, record; the same code under every executor."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from threading import Event
from typing import Any

from neurocaas_ci.errors import IntegrityError, NeurocaasError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.run import (
    InputFile,
    LogFile,
    Reason,
    RunRecord,
    RunSpec,
    RunStatus,
)
from neurocaas_ci.named import NamedTuple
from neurocaas_ci.run import endings, records
from neurocaas_ci.run.live_logs import LiveLogs
from neurocaas_ci.run.outputs import collect
from neurocaas_ci.run.processors import Processors
from neurocaas_ci.run.sandbox import Sandbox, SandboxRequest, SandboxResult
from neurocaas_ci.run.scratch import Scratch
from neurocaas_ci.run.stage import resolve_inputs, staged_in
from neurocaas_ci.stores.disk import disk_errors
from neurocaas_ci.stores.interface import BlobStore, Claim, LostClaimError, StateStore

_SIGNAL_LAG_S = 0.5


class InterruptedRunError(NeurocaasError):
    """The run was stopped half-way, nothing was recorded, and it can be started again."""

    exit_code = 130


class Worker(NamedTuple):
    """What a worker needs of its machine.

    `root_of` gives the verified root folder of an image, `logs` the live log of a state key; `stop`
    ends runs without a record, `cancel` ends them as cancelled. `processors` are held while
    a workflow runs, not while its inputs are laid out or its outputs are stored. `machine` is what
    records say of a machine that an engine chose. One that does not share neither uses nor offers
    results of other jobs: it reaches only its own. `own_roots` says that `root_of` makes a root for each run.
    """

    blobs: BlobStore
    state: StateStore
    scratch: Scratch
    sandbox: Sandbox
    root_of: Callable[[Sha256], Path]
    logs: LiveLogs
    stop: Event
    cancel: Event
    processors: Processors
    machine: Mapping[str, Any] | None = None
    shares: bool = True
    own_roots: bool = False

    def execute(self, spec: RunSpec) -> RunRecord:
        """Run the spec unless that has been done, and return its record.

        Raise InterruptedRunError when stopped, IntegrityError when an input is not intact, and
        BackendUnavailableError when the machine fails; then there is no record.
        """
        with (
            disk_errors(self.scratch.folder),
            self.state.claim(records.run_key(spec.job, spec.run), wait=True) as claim,
        ):
            assert claim is not None  # noqa: S101 - `wait=True` always yields a claim
            known = self.finished(spec)
            if known is not None:
                return known
            if self.stop.is_set():
                raise InterruptedRunError(
                    "stopped before the run began", where=f"{spec.job}#{spec.run}"
                )
            upstream = {run: self._record(spec.job, run) for run in spec.needs.values()}
            for run, record in upstream.items():
                if record is None:
                    raise IntegrityError(
                        f"run {run}, which it needs, is unfinished",
                        where=f"{spec.job}#{spec.run}",
                        hint="`neurocaas reconcile` carries the job on, in its order",
                    )
            if (settled := self._settled(spec, upstream, claim)) is not None:
                return settled
            inputs = resolve_inputs(spec, {r: rec for r, rec in upstream.items() if rec})
            return self._compute_once(spec, inputs, claim)

    def settle(self, spec: RunSpec) -> RunRecord | None:
        """Record a run that shall not start any more, as skipped or cancelled; else return None.

        Nothing is recorded while somebody else holds the run.
        """
        with self.state.claim(records.run_key(spec.job, spec.run), wait=False) as claim:
            if claim is None:
                return None
            upstream = {run: self._record(spec.job, run) for run in spec.needs.values()}
            return self.finished(spec) or self._settled(spec, upstream, claim)

    def reuse(self, spec: RunSpec) -> RunRecord | None:
        """Record a run as taken from an identical earlier one, if there is any; else return None."""
        upstream = {run: self._record(spec.job, run) for run in spec.needs.values()}
        known = {run: r for run, r in upstream.items() if r is not None and r.status == "succeeded"}
        if not spec.use_cache or len(known) < len(upstream):
            return None
        identity = spec.identity(resolve_inputs(spec, known))
        key = records.result_key(identity)
        if self.state.read(key) is None:
            return None
        with self.state.claim(records.run_key(spec.job, spec.run), wait=False) as claim:
            if claim is None:
                return None
            return self.finished(spec) or self._take(spec, identity, key, claim)

    def interrupt(self) -> None:
        """End the runs that this process executes, without records; they can be started again."""
        self.stop.set()

    def _settled(
        self, spec: RunSpec, upstream: Mapping[str, RunRecord | None], claim: Claim
    ) -> RunRecord | None:
        cancelled = any(r is not None and r.status == "cancelled" for r in upstream.values())
        if self.cancel.is_set() or cancelled:
            return self._never_ran(spec, "cancelled", "cancelled", "the job was cancelled", claim)
        for run, record in upstream.items():
            if record is not None and record.status != "succeeded":
                message = f"run {run}, which it needs, failed"
                return self._never_ran(spec, "skipped", "upstream_failed", message, claim)
        return None

    def finished(self, spec: RunSpec) -> RunRecord | None:
        """Return the record of an ended run; one whose outputs are not intact does not count."""
        record = self._record(spec.job, spec.run)
        return record if record is not None and self.intact(record) else None

    def intact(self, record: RunRecord) -> bool:
        """Read every output of a record again and compare its digest."""
        return all(self.blobs.verify(f.sha256, f.size) for f in record.outputs)

    def _record(self, job: str, run: str) -> RunRecord | None:
        data = self.state.read(records.record_key(job, run))
        if data is None:
            return None
        try:
            return records.decode_record(data)
        except (ValueError, KeyError, TypeError):
            return None

    def _compute_once(
        self, spec: RunSpec, inputs: tuple[InputFile, ...], claim: Claim
    ) -> RunRecord:
        identity = spec.identity(inputs)
        if not self.shares:
            return self._attempt(spec, inputs, identity, claim)
        key = records.result_key(identity)
        guard: AbstractContextManager[object] = (
            self.state.claim(key, wait=True) if spec.use_cache else nullcontext()
        )
        with guard:
            if spec.use_cache and (taken := self._take(spec, identity, key, claim)) is not None:
                return taken
            record = self._attempt(spec, inputs, identity, claim)
            if record.status == "succeeded":
                self.state.write(key, records.encode_origin(spec.job, spec.run))
            return record

    def _take(self, spec: RunSpec, identity: Sha256, key: str, claim: Claim) -> RunRecord | None:
        """Reuse an identical finished run, if its outputs are still intact."""
        pointer = self.state.read(key)
        if pointer is None:
            return None
        began = endings.now()
        origin = json.loads(pointer)
        earlier = self._record(origin["job"], origin["run"])
        if (
            earlier is None
            or earlier.status != "succeeded"
            or earlier.identity != identity
            or not self.intact(earlier)
        ):
            return None
        return self._write(endings.taken(spec, earlier, began), claim)

    def _attempt(
        self, spec: RunSpec, inputs: tuple[InputFile, ...], identity: Sha256, claim: Claim
    ) -> RunRecord:
        began, clock = endings.now(), time.perf_counter()
        number = self._count(spec)
        # What a command without a sandbox saw of its inputs may not be as it was.
        again = self.sandbox.isolation.level == "sandbox"
        with ExitStack() as stack:
            staged = stack.enter_context(
                staged_in(spec, inputs, self.blobs, self.scratch, again=again)
            )
            root = self.root_of(spec.image)
            staging = time.perf_counter() - clock
            key = records.log_key(spec.job, spec.run)
            log = self.logs.path(key)
            log.parent.mkdir(parents=True, exist_ok=True)
            # A log is there while a workflow runs: an interrupted attempt's must not look like it.
            log.unlink(missing_ok=True)
            with self.processors.take(spec.limits.cpus):
                stack.enter_context(self.logs.share(key, claim))
                result = self.sandbox.execute(
                    SandboxRequest(
                        root=root,
                        command=spec.command,
                        environment=spec.environment,
                        inputs=staged.inputs,
                        outputs=staged.outputs,
                        log=log,
                        limits=spec.limits,
                        max_runtime=spec.max_runtime,
                        claim_fd=claim.fd,
                        own_root=self.own_roots,
                    ),
                    cancelled=lambda: (
                        self.stop.is_set() or self.cancel.is_set() or not claim.alive()
                    ),
                )
            if not claim.alive():
                raise LostClaimError(
                    "another worker has taken this run over", where=f"{spec.job}#{spec.run}"
                )
            if self._was_stopped(result):
                raise InterruptedRunError(
                    "stopped; it starts again", where=f"{spec.job}#{spec.run}"
                )
            if (touched := staged.changed()) is not None:
                raise IntegrityError(
                    f"{touched} was changed while the run was using it",
                    where=f"{spec.job}#{spec.run}",
                    hint="put the original again with `neurocaas data put`, then reconcile again",
                )
            clock = time.perf_counter()
            outputs, problem = collect(
                staged.outputs, self.blobs, spec.limits, spec.outputs_required
            )
            storing = time.perf_counter() - clock
            blob = self.blobs.adopt(log)
            stages = {"stage_in": staging, **result.stages, "hash_store": storing}
            record = endings.ran(
                spec,
                identity,
                inputs,
                result,
                outputs,
                problem,
                LogFile(blob.sha256, blob.size, result.log_dropped),
                endings.Effort(began, number, self.machine, stages),
            )
            return self._write(record, claim)

    def _was_stopped(self, result: SandboxResult) -> bool:
        """Tell whether a workflow ended because this worker shall end.

        Engines end a job by a signal to all its processes: the workflow can be gone before ours has
        been noticed.
        """
        if result.reason == "killed" and self.machine is not None:
            return self.stop.wait(_SIGNAL_LAG_S)
        return self.stop.is_set() and result.reason in {"cancelled", "killed", "nonzero_exit"}

    def _count(self, spec: RunSpec) -> int:
        """Note, under the claim, that the run is started once more."""
        key = records.attempt_key(spec.job, spec.run)
        number = int(self.state.read(key) or b"0") + 1
        self.state.write(key, str(number).encode())
        return number

    def _never_ran(
        self, spec: RunSpec, status: RunStatus, reason: Reason, message: str, claim: Claim
    ) -> RunRecord:
        key = records.log_key(spec.job, spec.run)
        last_words = self._last_words(key)
        record = self._write(endings.never_ran(spec, status, reason, message, last_words), claim)
        self.logs.forget(key)
        return record

    def _last_words(self, key: str) -> LogFile | None:
        """Keep what an interrupted attempt wrote; None when there was no attempt."""
        stream = self.logs.open(key)
        if stream is None:
            return None
        with stream:
            blob = self.blobs.put(stream)
        return LogFile(blob.sha256, blob.size, 0)

    def _write(self, record: RunRecord, claim: Claim) -> RunRecord:
        earlier = self._record(record.job, record.run)
        if earlier is not None and endings.same_results(earlier, record):
            # What was damaged is back: the record that a certificate may name stays as it is.
            return earlier
        key = records.record_key(record.job, record.run)
        self.state.write(key, records.encode_record(record), claim=claim)
        return record
