"""From a blueprint and a job to the specs that workers execute; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping

from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.planned_run import PlannedRun
from neurocaas_ci.model.registry import Dataset, Job
from neurocaas_ci.model.run import InputFile, RunSpec
from neurocaas_ci.named import NamedTuple
from neurocaas_ci.protocols import expand
from neurocaas_ci.protocols.parameters import effective

CONFIG_SCHEMA = "neurocaas/config/v1"


class StepEnvironment(NamedTuple):
    """What a step starts: the image, its command and the variables it may see."""

    image: Sha256
    command: tuple[str, ...]
    environment: Mapping[str, str]
    determinism: str


def make_specs(
    blueprint: Blueprint,
    job: Job,
    environments: Mapping[str, StepEnvironment],
    *,
    use_cache: bool = True,
) -> tuple[RunSpec, ...]:
    """Return one spec per run of the job, in the order of the protocol.

    Raise LookupError or ValueError when the protocol cannot expand the job.
    """
    parameters = effective(blueprint.parameters, job.parameters)
    runs = expand(blueprint, job)
    last = {run.dataset: run.id for run in runs}
    required = tuple(rule.path for rule in blueprint.outputs if rule.required)

    def spec(run: PlannedRun) -> RunSpec:
        step = blueprint.step(run.step)
        environment = environments[run.step]
        dataset = None if run.dataset is None else job.datasets[run.dataset]
        inputs: tuple[InputFile, ...] = ()
        if dataset is not None:
            inputs = (InputFile(dataset_path(dataset), dataset.sha256, dataset.size),)
        return RunSpec(
            job=job.id,
            run=run.id,
            step=run.step,
            image=environment.image,
            command=environment.command,
            environment=environment.environment,
            config={
                "schema": CONFIG_SCHEMA,
                "dataset": None if dataset is None else dataset_path(dataset),
                "parameters": parameters if run.parameters is None else dict(run.parameters),
                "replica": run.replica,
            },
            inputs=inputs,
            needs=run.needs,
            # Declared outputs are those of the job: the last run of a dataset must leave them.
            outputs_required=required if last[run.dataset] == run.id else (),
            limits=step.limits,
            max_runtime=min(step.max_runtime, job.max_runtime or step.max_runtime),
            hardware=job.hardware.get(step.id, step.hardware),
            determinism=environment.determinism,
            use_cache=use_cache,
        )

    return tuple(spec(run) for run in runs)


def dataset_path(dataset: Dataset) -> str:
    """Return where a run finds the dataset, relative to /inputs."""
    return f"dataset/{dataset.name}"
