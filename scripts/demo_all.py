#!/usr/bin/env python3
"""Every analysis of the catalogue on its sample: run as a job, certified, verified, replayed.

    make demo-all      (or: .venv/bin/python scripts/demo_all.py [--folder .demo-all] [ANALYSIS ...])

All jobs are committed first, then one `neurocaas reconcile` carries them out; `widefield-sweep` is a sweep
of twelve combinations in one manifest. Everything is kept below `.demo-all/`; downloads and built
environments stay there in `cache/` for the next time.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from demo_stage import INTERRUPTED, ROOT, Stage, emptied

BLUEPRINTS = sorted(path.stem for path in ROOT.glob("registry/blueprints/*.yaml"))
_SWEEP = {
    "preprocess": {"smoothing": ["both", "time", "none"]},
    "demix": {"r2_threshold": [0.9, 0.95, 0.97, 0.99]},
}


class Outcome(NamedTuple):
    """What became of one analysis: runs, outputs, verdict of the replay, seconds of the replay."""

    analysis: str
    runs: int
    outputs: int
    verdict: str
    seconds: float


class SampleJob(NamedTuple):
    """What a job on the sample of an analysis takes: its dataset, and parameters without a default."""

    dataset: Path
    parameters: dict[str, Any]


def sample_job(name: str) -> SampleJob:
    """Return the job on the sample of the first step; the sample is its own and the chain's."""
    blueprint = _blueprint(name)
    sample = ROOT / "iae" / blueprint["steps"][0]["iae"] / "sample"
    (dataset,) = (sample / "dataset").iterdir()
    values = yaml.safe_load((sample / "config.yaml").read_text())["parameters"]
    required = blueprint["parameters"].get("required", ())
    return SampleJob(dataset, {key: values[key] for key in required})


def _blueprint(name: str) -> Any:
    return yaml.safe_load((ROOT / f"registry/blueprints/{name}.yaml").read_text())


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry all analyses, or those that are named, through the whole loop; return the exit code."""
    parser = argparse.ArgumentParser(description="Every analysis of the catalogue on its sample.")
    parser.add_argument("analyses", nargs="*", metavar="ANALYSIS", help="only these")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo-all")
    options = parser.parse_args(arguments)
    names = options.analyses or BLUEPRINTS
    unknown = sorted(set(names) - set(BLUEPRINTS))
    if unknown:
        parser.error(f"no analysis is called {unknown[0]}; there are {', '.join(BLUEPRINTS)}")
    folder = options.folder.resolve()
    try:
        with emptied(folder):
            stage = Stage(folder)
            clone = _set_up(stage)
            _submit(stage, clone, names)
            stage.heading("Run them: each in the sandbox of its own environment")
            stage.run("neurocaas reconcile", clone)
            outcomes = [_audit(stage, clone, name) for name in names]
            _finale(stage, outcomes)
    except KeyboardInterrupt:
        print("\ndemo: stopped; it starts afresh next time", file=sys.stderr)
        return INTERRUPTED
    return 0 if all(one.verdict == "identical" for one in outcomes) else 1


def _set_up(stage: Stage) -> Path:
    """Make a registry with the whole catalogue; return its clone."""
    stage.heading("A new registry with the whole catalogue")
    stage.become("ada")
    clone = stage.folder / "registry"
    shutil.copytree(ROOT / "registry", clone / "registry", ignore=shutil.ignore_patterns("jobs"))
    shutil.copytree(ROOT / "iae", clone / "iae", ignore=shutil.ignore_patterns("__pycache__"))
    for line in (
        "git init --quiet -b main",
        "git add .",
        "git commit --quiet -m 'Publish the catalogue'",
    ):
        stage.run(line, clone, quiet=True)
    return clone


def _submit(stage: Stage, clone: Path, names: Sequence[str]) -> None:
    """Commit one job for each analysis."""
    stage.heading("One job for each analysis, on its own sample")
    for name in names:
        dataset, parameters = sample_job(name)
        if name == "widefield-sweep":
            parameters = {**parameters, "sweep": _SWEEP}
        put = stage.output(f"neurocaas data put --replace {shlex.quote(str(dataset))}", clone)
        given = "".join(
            f" --param {shlex.quote(f'{key}={json.dumps(value)}')}"
            for key, value in parameters.items()
        )
        stage.run(
            f"neurocaas job new {name} --name {name}-sample --group example-lab"
            f" --dataset {put.split()[0]}{given} --max-runtime 10m --yes --commit",
            clone,
        )


def _audit(stage: Stage, clone: Path, name: str) -> Outcome:
    """Fetch and verify one job, run it again from its certificate, and sign the verdict."""
    stage.heading(f"{name}: verify and replay")
    trusted = stage.folder / "home/signing/trusted_root.json"
    root = f"--offline --trust-root {shlex.quote(str(trusted))}"
    job = f"{name}-sample"
    stage.run(f"neurocaas fetch {job} ../results/{name}", clone)
    stage.run(f"neurocaas verify {job} ../results/{name} {root}", clone)
    began = time.monotonic()
    replay = f"neurocaas replay {job} {root} --attest --format json"
    stage.show(replay)
    found = json.loads(stage.output(replay, clone))
    print(f"{found['verdict']}: {found['reason']}", flush=True)
    outputs = sum(len(run["outputs"]) for run in found["runs"])
    seconds = time.monotonic() - began
    return Outcome(name, len(found["runs"]), outputs, found["verdict"], seconds)


def _finale(stage: Stage, outcomes: Sequence[Outcome]) -> None:
    """Show what became of each analysis, and which pictures to look at."""
    stage.heading("The catalogue, as it ran here")
    width = max(len(one.analysis) for one in outcomes)
    print(f"{'analysis'.ljust(width)}  runs  outputs  replay     seconds to run it again")
    for one in outcomes:
        print(
            f"{one.analysis.ljust(width)}  {one.runs:4}  {one.outputs:7}  {one.verdict:9}"
            f"  {one.seconds:7.1f}"
        )
    stage.heading("Look at")
    for one in outcomes:
        last = _blueprint(one.analysis)["steps"][-1]["id"]
        for figure in sorted(
            (stage.folder / "results").glob(f"{one.analysis}/*-{last}/figure.png")
        ):
            print(f"  {os.path.relpath(figure)}")
    print(f"\n{time.monotonic() - stage.began:.0f} seconds in all")


if __name__ == "__main__":
    sys.exit(main())
