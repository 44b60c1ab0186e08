"""Submit the runs of a job to AWS Batch: specs and images into the store, arrays into queues."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.executors.arrays import JobArray, job_arrays
from neurocaas_ci.executors.attempts import read_attempts
from neurocaas_ci.executors.batch import fargate
from neurocaas_ci.executors.batch.client import Batch
from neurocaas_ci.executors.batch.requests import (
    MAX_ARRAY,
    RETRIES,
    Settings,
    job_definition,
    job_name,
    submission,
    timeout,
)
from neurocaas_ci.executors.batch.standing import ENGINE
from neurocaas_ci.executors.submissions import Journal
from neurocaas_ci.model.cloud_names import queue_name
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.money import Microdollars, bound, microdollars
from neurocaas_ci.model.registry import Hardware, Pricing
from neurocaas_ci.model.run import RunSpec
from neurocaas_ci.stores.interface import Claim, StateStore

_AT_ONCE = 16


@dataclass(frozen=True)
class Placing:
    """How runs get to Batch.

    `hardware` gives the entry of the resource bank, `deliver` puts an image where workers find it,
    `encode` gives the document that a worker reads. `pricing` is that of the `job`, and so are the `prices`
    of its steps, where other ones were agreed than the hardware has. `expect` is told the name of each job
    definition before it is registered.
    """

    batch: Batch
    state: StateStore
    settings: Settings
    hardware: Callable[[str], Hardware]
    deliver: Callable[[Sha256], None]
    encode: Callable[[RunSpec], bytes]
    say: Callable[[str], None]
    job: str = ""
    pricing: Pricing = "standard"
    prices: Mapping[str, float] | None = None
    expect: Callable[[str], None] | None = None

    def check_fits(self, spec: RunSpec) -> None:
        """Raise UsageError or BackendUnavailableError when a run cannot be placed on AWS at all."""
        machine = self.hardware(spec.hardware)
        if machine.provider != "aws":
            raise UsageError(
                f"hardware {machine.id} is not of AWS but of {machine.provider}",
                where=f"{spec.job}#{spec.run}",
                hint="choose hardware of provider aws in the job, or run it with another executor",
            )
        if spec.limits.cpus > machine.vcpus or spec.limits.memory > machine.memory:
            raise BackendUnavailableError(
                f"the run asks for {spec.limits.cpus} processors and {spec.limits.memory:,} bytes"
                f" of memory; {machine.id} has {machine.vcpus} and {machine.memory:,}",
                where=f"{spec.job}#{spec.run}",
                hint="choose larger hardware in the job, or lower `limits` of the step",
            )
        if machine.launch == "fargate":
            fargate.check_task(
                spec,
                machine,
                accepted=self.settings.of_tasks is not None,
                execution_role=self.settings.execution_role,
                longest=timeout(spec.max_runtime),
            )

    def check_paid(self, spec: RunSpec) -> None:
        """Raise BackendUnavailableError when attempts of a run have cost all that they ever may.

        That is what one submission can cost at most: its attempts, each ended by Batch.
        """
        document = read_attempts(self.state, spec.job, spec.run)
        hours = RETRIES["attempts"] * timeout(spec.max_runtime) / 3600
        if document is None or document["cost_usd"] < (most := hours * self.price(spec)):
            return
        raise BackendUnavailableError(
            f"its attempts have cost {document['cost_usd']:.2f} USD without a result, and may cost"
            f" {most:.2f}; it is not submitted again",
            where=f"{spec.job}#{spec.run}",
            hint="`neurocaas logs` shows what its workers wrote; cancel the job, then retry it",
        )

    def committed(self, submitted: Iterable[str], ahead: Iterable[RunSpec]) -> Microdollars:
        """Return what attempts of the job's runs have cost, and one more of each run `ahead` at most."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            read = functools.partial(read_attempts, self.state, self.job)
            spent = [found["cost_usd"] for found in pool.map(read, submitted) if found]
        most = (bound(microdollars(self.price(s)), s.max_runtime, 1) for s in ahead)
        return Microdollars(sum(map(microdollars, spent)) + sum(most))

    def recover(self, journal: Journal, known: Mapping[str, RunSpec], claim: Claim | None) -> None:
        """Find out what became of submissions that were cut off, by their names."""
        for one in journal.submissions:
            if one.handle is not None:
                continue
            queues = {self.queue(known[run]) for run in one.runs if run in known}
            found = (self.batch.find(queue, one.name) for queue in sorted(queues))
            journal.settle(one.name, next((i for i in found if i is not None), None), claim)

    def submit(
        self,
        journal: Journal,
        job: str,
        specs: Sequence[RunSpec],
        under_way: Mapping[str, str],
        claim: Claim | None,
    ) -> None:
        """Submit the runs of a job as arrays; `under_way` maps runs of earlier passes to their ids."""
        for image in sorted({spec.image for spec in specs}):
            self.deliver(image)
        arrays = job_arrays(specs, MAX_ARRAY) if specs else ()
        handles: list[str] = []
        for array in arrays:
            number = len(journal.submissions) + 1
            name = job_name(self.settings.store, job, number)
            request = self._request(array, name, number, handles, under_way)
            journal.intend(name, tuple(spec.run for spec in array.specs), claim)
            handle = self.batch.submit(request)
            journal.settle(name, handle, claim)
            handles.append(handle)
            self.say(f"  {array.step}: {len(array.specs)} runs submitted, AWS Batch job {handle}")

    def queue(self, spec: RunSpec) -> str:
        """Return the queue of a run."""
        return queue_name(spec.hardware, self.pricing)

    def price(self, spec: RunSpec) -> float:
        """Return what the machine of a run costs, in US dollars per hour."""
        if self.prices is not None and spec.step in self.prices:
            return self.prices[spec.step]
        machine = self.hardware(spec.hardware)
        if self.pricing == "save" and machine.price_save is not None:
            return machine.price_save
        return machine.price_standard

    def _request(
        self,
        array: JobArray,
        name: str,
        number: int,
        handles: Sequence[str],
        under_way: Mapping[str, str],
    ) -> dict[str, Any]:
        first = array.specs[0]
        user = first.job.partition("/")[0]
        machine = self.hardware(first.hardware)
        disk = fargate.disk_of(array.specs) if machine.launch == "fargate" else 0
        wanted = job_definition(self.settings, machine, user, disk)
        # Of what an earlier pass submitted, the whole array is waited for: too late, never too early.
        others = {
            under_way[run].partition(":")[0]
            for spec in array.specs
            for run in spec.needs.values()
            if run in under_way
        }
        needed = [handles[after.array] for after in array.after]
        folder = self._write_specs(array, number)
        if self.expect is not None:
            self.expect(str(wanted["jobDefinitionName"]))
        try:
            return submission(
                array,
                name=name,
                queue=self.queue(first),
                definition=self.batch.define(wanted),
                folder=folder,
                needed=[*needed, *sorted(others)],
                limit=self.settings.limit,
            )
        except ValueError as error:
            raise BackendUnavailableError(
                f"step {first.step} cannot be submitted: {error}",
                where=first.job,
                hint="split the job: the protocol makes one run wait for too many arrays",
            ) from error

    def _write_specs(self, array: JobArray, number: int) -> str:
        folder = f"jobs/{array.specs[0].job}/{ENGINE}/{number}"

        def write(task: int) -> None:
            self.state.write(f"{folder}/{task}.json", self.encode(array.specs[task]))

        # Far away a document takes tens of milliseconds, and there may be ten thousand.
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(write, range(len(array.specs))))
        return folder
