"""Run the sample of an IAE in the sandbox, without any registry: the publisher's inner loop."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurocaas_ci.build.images import RootImage
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.run import InputFile, RunRecord, RunSpec
from neurocaas_ci.protocols.parameters import effective
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.processors import Processors
from neurocaas_ci.run.sandbox import Sandbox
from neurocaas_ci.run.scratch import Scratch
from neurocaas_ci.run.specs import CONFIG_SCHEMA
from neurocaas_ci.run.worker import Worker

# What of a sample a run sees: the folders that the workflow contract names.
_SEEN = ("dataset", "steps", "replicas", "combinations")


@dataclass(frozen=True, slots=True)
class Sample:
    """Files of a sample by their path under /inputs, and its configuration."""

    files: Mapping[str, Path]
    config: Mapping[str, Any]


def load_sample(
    folder: Path,
    *,
    dataset: Path | None,
    parameters: Mapping[str, Any],
    schema: Mapping[str, Any],
) -> Sample:
    """Read a sample folder; `dataset` takes the place of its own, `parameters` override its own.

    Defaults of `schema`, the JSON Schema of a blueprint's parameters, fill what is left out.

    Raise UsageError when the folder holds no configuration or nothing to run on.
    """
    config_file = folder / "config.yaml"
    try:
        config = json.loads(config_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        config = {}
    except ValueError as error:
        raise UsageError(
            f"not in YAML's JSON subset: {error}",
            where=str(config_file),
            hint="write it as JSON; that is how a run sees its config.yaml",
        ) from error
    files = {
        str(path.relative_to(folder)): path
        for part in _SEEN
        for path in sorted((folder / part).rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    if dataset is not None:
        files = {p: f for p, f in files.items() if not p.startswith("dataset/")}
        files[f"dataset/{dataset.name}"] = dataset
    own = next((path for path in files if path.startswith("dataset/")), None)
    if own is None and not files:
        raise UsageError(
            "the sample holds nothing to run on",
            where=str(folder),
            hint="put a small file into its folder dataset/, or name one with --dataset",
        )
    return Sample(
        files,
        {
            "schema": CONFIG_SCHEMA,
            "dataset": own,
            "parameters": effective(schema, {**config.get("parameters", {}), **parameters}),
            "replica": config.get("replica"),
        },
    )


def run_sample(
    name: str,
    image: RootImage,
    sample: Sample,
    home: Home,
    sandbox_of: Callable[[Path], Sandbox],
    *,
    limits: RunLimits,
    max_runtime: int,
    watch: Callable[[Path], None],
    deliver: Callable[[Home, RunRecord], None],
) -> RunRecord:
    """Execute the sample with the worker that jobs use, in a store that lasts for this call.

    `watch` is called with the live log before the run starts; `deliver` gets the record while the
    outputs are still in the store. `max_runtime` is seconds.
    """
    with Scratch(home.scratch) as outer:
        own = Home(outer.new())
        inputs = []
        for path, file in sample.files.items():
            with file.open("rb") as stream:
                blob = own.blobs.put(stream)
            inputs.append(InputFile(path, blob.sha256, blob.size))
        spec = RunSpec(
            job=f"try/{name}",
            run="sample",
            step="sample",
            image=image.image,
            command=image.command,
            environment=image.environment,
            config=sample.config,
            inputs=tuple(inputs),
            needs={},
            outputs_required=(),
            limits=limits,
            max_runtime=max_runtime,
            hardware="laptop",
            determinism="none",
            use_cache=False,
        )
        with Scratch(own.scratch) as scratch:
            worker = Worker(
                blobs=own.blobs,
                state=own.state,
                scratch=scratch,
                sandbox=sandbox_of(own.scratch),
                root_of=lambda _: image.root,
                logs=own.logs,
                stop=threading.Event(),
                cancel=threading.Event(),
                processors=Processors(1),
            )
            watch(own.logs.path(records.log_key(spec.job, spec.run)))
            record = worker.execute(spec)
        deliver(own, record)
        return record
